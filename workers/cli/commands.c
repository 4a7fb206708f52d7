// workers/cli/commands.c - the table of commands: reading it is reading `relais help`.
#include "workers/cli/cli.h"

const struct cli_command cli_commands[] = {
    {"migrate", "", "create the schemas in Postgres, or bring them up to date",
     CLI_NEEDS_DATABASE, cli_migrate},
    {"topics", "", "create the Kafka topics and the groups' first offsets",
     CLI_NEEDS_KAFKA, cli_topics},
    {"baseline", "", "take over what was sent before there was a ledger",
     CLI_NEEDS_DATABASE, cli_baseline},
    {"doctor", "[--as WORKER]",
     "try every setting on the real service; what is wrong says what to do. --as: the "
     "rights of a worker, with its DIRECTUS_TOKEN",
     CLI_NEEDS_NOTHING, cli_doctor},
    {"status", "", "who works, what waits, what a person must look at",
     CLI_NEEDS_DATABASE, cli_status},
    {"journey", "<entity>", "everything that happened to quote:<uuid> (or a bare id)",
     CLI_NEEDS_DATABASE, cli_journey},
    {"dead",
     "list [topic...] | show <topic/partition/offset> | replay <...> | replay --all "
     "<topic>",
     "events that can never pass; replay them once the cause is mended",
     CLI_NEEDS_DATABASE | CLI_NEEDS_KAFKA, cli_dead},
    {"park", "list | release <lane> | release --all",
     "events that wait for their time; let them go on now", CLI_NEEDS_DATABASE,
     cli_park},
    {"effect",
     "list [--state STATE] | show <kind> <identity> | resolve <kind> <identity> "
     "done|not-done [--result JSON]",
     "calls that must not be repeated; settle those nobody can look up",
     CLI_NEEDS_DATABASE, cli_effect},
    {"attention", "list | done <kind> <entity>",
     "what a person must look at; take it off the list", CLI_NEEDS_DATABASE,
     cli_attention},
    {"audit", "[--since TIME] [--wait TIME]",
     "compare Directus with the providers, and with its own log of what was changed; "
     "what differs is put right",
     CLI_NEEDS_DATABASE, cli_audit},
    {"webhooks", "list | register [company...]",
     "the webhooks registered in Invoice Ninja; have them looked at now",
     CLI_NEEDS_DATABASE, cli_webhooks},
    {"clock", "[forward <time>]",
     "the clock of expiry and reminders; tests and demos move it, by 3d or 12h",
     CLI_NEEDS_DATABASE, cli_clock},
    {0},
};
