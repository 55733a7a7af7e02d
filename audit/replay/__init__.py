"""What ``audit.replay`` prints, kind by kind. Nothing here opens a journal; steps come in, texts and values go out."""
