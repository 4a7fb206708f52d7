"""The harness of the tests on real parts: Kafka, Postgres, Redis, Directus, Relais's
programs and the simulators, in one run folder. Python's own library only.

    from harness import Case

    class Slice(Case):
        # Of every program, above programs.QUICK. INTEGRATIONS says which programs run;
        # without it only signatures are played.
        settings = {"SWEEPS": "true"}

        def test_a_sent_quote_gets_a_submission(self):
            quote = self.new_quote()     # as a person enters it in Directus
            self.send(quote)
            self.until("DocuSeal has it", lambda: self.submission(quote))

`tests/e2e/run [words...]` starts a stack, runs the tests whose names hold one of the
words, and removes everything; its --help says more. The modules:

    wait.py       until(): the one way to wait
    rest.py       one HTTP call
    system.py     System: the run folder, the stack's parts, the ledger, Kafka
    programs.py   Program: start, stop, kill -9, freeze and thaw, with chosen settings
    directus.py   rows and files of Directus, as its administrator or anybody else
    simulator.py  the simulators' controls: people, faults, kill points, calls
    case.py       Case: a unittest.TestCase with what people do and what is looked at
    journey.py    Journey: a Case with all three providers and the business's clock
    billing.py    Billing: a Case with Invoice Ninja alone
    published.py  every event on the topics against its schema, at the end of a run
    main.py       the runner; other directories of tests call it with their own folder

Nothing here sleeps for a time: conditions are waited for. That nothing more happens is
known by Case.settled(): it sends a record behind all others through each topic of a
quote's lane. When a test fails, the journeys of its quotes, the ends of the logs and
the simulator's calls are printed.
"""

from . import rest
from .case import Case
from .directus import Directus
from .programs import Program
from .simulator import Simulator
from .system import System
from .wait import until

__all__ = ["Case", "Directus", "Program", "Simulator", "System", "rest", "until"]
