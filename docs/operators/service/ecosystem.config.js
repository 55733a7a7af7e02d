// A user-miner under pm2: `pm2 start docs/operators/service/ecosystem.config.js`. docs/operators/operating.md tells the rest.
//
// It runs the program of the checkout that holds this file, in a folder outside of it, which an update leaves alone:
// .miner_env, journal/ and the log are in MINER_HOME, ~/.user-miner if that is not set. The process bears the folder's
// name, so another hotkey takes another folder: MINER_HOME=~/.user-miner-second pm2 start docs/operators/service/ecosystem.config.js
// Many hotkeys in one process need one folder only: with a fleet.toml in there (docs/operators/fleet.md) it runs them all.

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')

const checkout = path.resolve(__dirname, '..', '..', '..')
const home = path.resolve(process.env.MINER_HOME || path.join(os.homedir(), '.user-miner'))
const isFleet = fs.existsSync(path.join(home, 'fleet.toml'))

module.exports = {
  apps: [
    {
      name: path.basename(home).replace(/^\./, ''),
      script: path.join(checkout, '.venv', 'bin', 'user-miner'),
      args: isFleet ? ['fleet', 'fleet.toml'] : ['run'], // with '--require-journal', once it has mined, it never begins a second journal
      cwd: home,
      interpreter: 'none', // the program brings its own Python
      exec_mode: 'fork',
      instances: 1, // one process for each journal

      // Its own stop ends within 5 seconds, with a last record. What is killed instead is continued from the journal.
      kill_timeout: 15_000,

      // Exit code 2 is wrong configuration, or a journal or hotkey that another process holds: no restart can help.
      stop_exit_codes: [2],
      // After anything else it starts again, after 1 to 15 seconds, however often: a start costs nothing.
      autorestart: true,
      exp_backoff_restart_delay: 1_000,
      max_memory_restart: '512M',

      // pm2 never shortens what it collects. This log is bounded by itself, at five files of 10 MiB; what pm2 collects
      // is then only why a start was refused. Without this line `pm2 logs` shows everything: install pm2-logrotate.
      env: { LOG_FILE: path.join(home, 'user-miner.log') },

      watch: false, // its journal changes all the time
      vizion: false,
      pmx: false,
    },
  ],
}
