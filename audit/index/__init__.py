"""An index of a journal, which all readers share: answers that need not fold everything anew. A cache, never a witness.

It lies where readers may write, in ``$XDG_CACHE_HOME/user-miner/<first record's hash>/index.sqlite``; a journal itself
is never written to. What does not fit the journal or this build is thrown away and built again. Whether a journal is
whole is for ``user-miner verify``, which reads every byte.
"""

from audit.index.bound import IndexUnfitError
from audit.index.chunk import Columns
from audit.index.index import SPOILED, Index
from audit.index.opening import begin_index, open_index

__all__ = ["SPOILED", "Columns", "Index", "IndexUnfitError", "begin_index", "open_index"]
