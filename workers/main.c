// workers/main.c - the life of every worker. CMake defines INTEGRATION as the name of
// one struct integration.
#include "common/worker.h"

extern const struct integration INTEGRATION;

int
main(int argc, char **argv)
{
    return worker_main(&INTEGRATION, argc, argv);
}
