"""The measurements of tests/bench/run: a file each, whose text its --help shows.

    bench.py      what the measurements share: the programs, the stack, the words to the user
    table.py      figures as a table of Markdown, as docs/benchmarks.md holds them
    processes.py  memory and CPU time of the processes of a run
    records.py    records, their target and relais-bench between them
    steps.py      what the programs and Directus wrote down of their calls
    play.py       people who send, sign and pay quotes, and do not look at Directus
"""

from . import ingest, journey, load, memory, webhook, worker

# In the order of their running: what needs little before what fills Directus.
PARTS = {
    "worker": worker,
    "memory": memory,
    "ingest": ingest,
    "load": load,
    "journey": journey,
    "webhook": webhook,
}
