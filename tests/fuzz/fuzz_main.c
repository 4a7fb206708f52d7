// tests/fuzz/fuzz_main.c - runs a fuzz target without libFuzzer: over the files of the
// folders named, and over a number of damaged copies of each, the same ones every time.
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

enum { INPUT_MAX = 256 * 1024, COPIES = 60, LONGEST_COPIED = 16 * 1024 };

struct runner {
    uint64_t random;
    size_t inputs;
    uint8_t *input;
};

static size_t
roll(struct runner *runner, size_t below)
{
    runner->random ^= runner->random << 13;
    runner->random ^= runner->random >> 7;
    runner->random ^= runner->random << 17;
    return (size_t)(runner->random % below);
}

// In memory of its own, so that a byte read beyond its end is seen.
static void
run(struct runner *runner, const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size == 0 ? 1 : size);
    if (exact == NULL)
        abort();
    if (size > 0)
        memcpy(exact, data, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    runner->inputs++;
}

// Sets a byte, drops a piece or doubles one, some times over. Returns the new size.
static size_t
damage(struct runner *runner, uint8_t *data, size_t size)
{
    static const uint8_t spice[] = "{}[]\",:\\u0-9.eEtfn\n\r\xff\xc3";
    for (size_t n = roll(runner, 4); n < 4 && size > 1; n++) {
        size_t at = roll(runner, size);
        size_t piece = 1 + roll(runner, size - at);
        size_t how = roll(runner, 4);
        if (how < 2) {
            data[at] = spice[roll(runner, sizeof spice)];
        } else if (how == 2) {
            memmove(data + at, data + at + piece, size - at - piece);
            size -= piece;
        } else if (size + piece <= INPUT_MAX) {
            memmove(data + at + piece, data + at, size - at);
            size += piece;
        }
    }
    return size;
}

static void
run_file(struct runner *runner, const char *path)
{
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return;
    size_t size = fread(runner->input, 1, INPUT_MAX, file);
    fclose(file);
    run(runner, runner->input, size);
    uint8_t *copy = malloc(INPUT_MAX);
    if (copy == NULL)
        abort();
    for (int i = 0; i < COPIES && size <= LONGEST_COPIED; i++) {
        memcpy(copy, runner->input, size);
        run(runner, copy, damage(runner, copy, size));
    }
    free(copy);
}

static bool
run_folder(struct runner *runner, const char *folder)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, NULL, alphasort);
    if (count < 0) {
        perror(folder);
        return false;
    }
    for (int i = 0; i < count; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.')
            run_file(runner, path);
        free(entries[i]);
    }
    free(entries);
    return true;
}

int
main(int argc, char **argv)
{
    struct runner runner = {.random = 88172645463325252U, .input = malloc(INPUT_MAX)};
    bool all = runner.input != NULL && LLVMFuzzerInitialize(&argc, &argv) == 0;
    if (all)
        run(&runner, runner.input, 0);
    for (int i = 1; all && i < argc; i++)
        all = run_folder(&runner, argv[i]);
    printf("%zu inputs\n", runner.inputs);
    free(runner.input);
    return all && runner.inputs > 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}
