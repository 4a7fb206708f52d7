// workers/cli/main.c - the operators' program.
#include "workers/cli/cli.h"

int
main(int argc, char **argv)
{
    return cli_main(argc - 1, argv + 1);
}
