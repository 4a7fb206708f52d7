#include "common/fiber.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/attr.h"

#if defined(__SANITIZE_ADDRESS__)
#define FIBER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIBER_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define FIBER_TSAN 1
#endif
#endif
#ifdef FIBER_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef FIBER_TSAN
#include <sanitizer/tsan_interface.h>
#endif

// A few instructions instead of swapcontext(), which makes a system call for the signal
// mask at every switch. Other processors use ucontext.
#if defined(__x86_64__)
#define FIBER_ASSEMBLY 1
#else
#include <ucontext.h>
#endif

enum { GUARD_BYTES = 64 * 1024 };

// The struct lies at the top of its own stack's mapping.
struct fiber {
    struct fiber_pool *pool;
    struct fiber *previous, *next; // of the pool's live or idle list
    void (*fn)(void *);
    void *arg;
    struct fiber_work work;
    const char *what;
    int saved_errno;
    bool ended;
    char *mapping; // guard first, then the stack
    char *stack;
    size_t stack_bytes;
#ifdef FIBER_ASSEMBLY
    void *sp;
    void *resumer_sp;
#else
    ucontext_t context, resumer;
#endif
    void *fake_stack; // ASan
    const void *resumer_stack;
    size_t resumer_stack_bytes;
    void *tsan, *resumer_tsan;
};

struct fiber_pool {
    size_t stack_bytes;
    size_t keep;
    size_t live_count, idle_count;
    struct fiber *live, *idle;
};

static _Thread_local struct fiber *current;

#ifdef FIBER_ASSEMBLY
// Saves the callee-saved registers on the running stack, stores its pointer in *save
// and continues on the stack `load`.
void fiber_switch_stacks(void **save, void *load);
__asm__(".text\n"
        ".globl fiber_switch_stacks\n"
        ".hidden fiber_switch_stacks\n"
        ".type fiber_switch_stacks, @function\n"
        "fiber_switch_stacks:\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    ret\n"
        ".size fiber_switch_stacks, .-fiber_switch_stacks\n");
#endif

// The sanitizers follow one stack per thread; these four tell them that it changes.
static void
entering_fiber(struct fiber *fiber, void **resumer_fake)
{
#ifdef FIBER_ASAN
    __sanitizer_start_switch_fiber(resumer_fake, fiber->stack, fiber->stack_bytes);
#endif
#ifdef FIBER_TSAN
    fiber->resumer_tsan = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(fiber->tsan, 0);
#endif
    (void)fiber;
    (void)resumer_fake;
}

static void
arrived_in_fiber(struct fiber *fiber)
{
#ifdef FIBER_ASAN
    __sanitizer_finish_switch_fiber(fiber->fake_stack, &fiber->resumer_stack,
                                    &fiber->resumer_stack_bytes);
#endif
    (void)fiber;
}

static void
leaving_fiber(struct fiber *fiber)
{
#ifdef FIBER_ASAN
    // A NULL place frees the fake stack of a fiber that ends.
    __sanitizer_start_switch_fiber(fiber->ended ? NULL : &fiber->fake_stack,
                                   fiber->resumer_stack, fiber->resumer_stack_bytes);
#endif
#ifdef FIBER_TSAN
    __tsan_switch_to_fiber(fiber->resumer_tsan, 0);
#endif
    (void)fiber;
}

static void
arrived_in_resumer(void *resumer_fake)
{
#ifdef FIBER_ASAN
    __sanitizer_finish_switch_fiber(resumer_fake, NULL, NULL);
#endif
    (void)resumer_fake;
}

static void
switch_to(struct fiber *fiber)
{
    void *resumer_fake = NULL;
    entering_fiber(fiber, &resumer_fake);
#ifdef FIBER_ASSEMBLY
    fiber_switch_stacks(&fiber->resumer_sp, fiber->sp);
#else
    swapcontext(&fiber->resumer, &fiber->context);
#endif
    arrived_in_resumer(resumer_fake);
}

static void
switch_back(struct fiber *fiber)
{
    leaving_fiber(fiber);
#ifdef FIBER_ASSEMBLY
    fiber_switch_stacks(&fiber->sp, fiber->resumer_sp);
#else
    swapcontext(&fiber->context, &fiber->resumer);
#endif
}

static void
fiber_main(void)
{
    struct fiber *fiber = current;
    arrived_in_fiber(fiber);
    fiber->fn(fiber->arg);
    fiber->ended = true;
    switch_back(fiber);
    abort(); // an ended fiber was resumed
}

static void
prepare_stack(struct fiber *fiber)
{
#ifdef FIBER_ASSEMBLY
    // What fiber_switch_stacks() pops: six registers, then the address it returns to.
    // The slot of that address is 16-byte aligned, as a call would have left it.
    uintptr_t top = (uintptr_t)(fiber->stack + fiber->stack_bytes) & ~(uintptr_t)15;
    void **slot = (void **)(top - 32);
    *slot = (void *)(uintptr_t)fiber_main;
    for (int i = 1; i <= 6; i++)
        slot[-i] = NULL;
    fiber->sp = slot - 6;
#else
    getcontext(&fiber->context);
    fiber->context.uc_stack.ss_sp = fiber->stack;
    fiber->context.uc_stack.ss_size = fiber->stack_bytes;
    fiber->context.uc_link = NULL;
    makecontext(&fiber->context, fiber_main, 0);
#endif
}

static size_t
mapping_bytes(const struct fiber_pool *pool)
{
    return GUARD_BYTES + pool->stack_bytes;
}

static struct fiber *
map_fiber(struct fiber_pool *pool)
{
    char *mapping =
        mmap(NULL, mapping_bytes(pool), PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (mapping == MAP_FAILED || mprotect(mapping, GUARD_BYTES, PROT_NONE) != 0) {
        fputs("out of memory for a fiber's stack\n", stderr);
        abort();
    }
    size_t room = (sizeof(struct fiber) + 63) & ~(size_t)63;
    struct fiber *fiber = (void *)(mapping + mapping_bytes(pool) - room);
    *fiber = (struct fiber){
        .pool = pool,
        .mapping = mapping,
        .stack = mapping + GUARD_BYTES,
        .stack_bytes = pool->stack_bytes - room,
    };
    return fiber;
}

static void
list_push(struct fiber **list, struct fiber *fiber)
{
    fiber->previous = NULL;
    fiber->next = *list;
    if (*list != NULL)
        (*list)->previous = fiber;
    *list = fiber;
}

static void
list_remove(struct fiber **list, struct fiber *fiber)
{
    if (fiber->previous != NULL)
        fiber->previous->next = fiber->next;
    else
        *list = fiber->next;
    if (fiber->next != NULL)
        fiber->next->previous = fiber->previous;
}

struct fiber_pool *
fiber_pool_new(size_t stack_bytes, size_t keep)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    struct fiber_pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL)
        abort();
    pool->stack_bytes = (stack_bytes + page - 1) / page * page;
    pool->keep = keep;
    return pool;
}

void
fiber_pool_free(struct fiber_pool *pool)
{
    if (pool == NULL)
        return;
    while (pool->idle != NULL) {
        struct fiber *fiber = pool->idle;
        list_remove(&pool->idle, fiber);
        munmap(fiber->mapping, mapping_bytes(pool));
    }
    free(pool);
}

struct fiber *
fiber_new(struct fiber_pool *pool, void (*fn)(void *), void *arg)
{
    struct fiber *fiber = pool->idle;
    if (fiber != NULL) {
        list_remove(&pool->idle, fiber);
        pool->idle_count--;
    } else {
        fiber = map_fiber(pool);
    }
    list_push(&pool->live, fiber);
    pool->live_count++;
    fiber->fn = fn;
    fiber->arg = arg;
    fiber->work = (struct fiber_work){.name = "", .event = ""};
    fiber->what = "start";
    fiber->ended = false;
    fiber->saved_errno = 0;
    fiber->fake_stack = NULL;
#ifdef FIBER_ASAN
    __asan_unpoison_memory_region(fiber->stack, fiber->stack_bytes);
#endif
#ifdef FIBER_TSAN
    fiber->tsan = __tsan_create_fiber(0);
#endif
    prepare_stack(fiber);
    return fiber;
}

static void
retire(struct fiber *fiber)
{
    struct fiber_pool *pool = fiber->pool;
#ifdef FIBER_TSAN
    __tsan_destroy_fiber(fiber->tsan);
#endif
    list_remove(&pool->live, fiber);
    pool->live_count--;
    if (pool->idle_count >= pool->keep) {
        munmap(fiber->mapping, mapping_bytes(pool));
        return;
    }
    list_push(&pool->idle, fiber);
    pool->idle_count++;
}

void
fiber_resume(struct fiber *fiber)
{
    struct fiber *outer = current;
    current = fiber;
    switch_to(fiber);
    current = outer;
    if (fiber->ended)
        retire(fiber);
}

void
fiber_wait(void)
{
    struct fiber *fiber = current;
    fiber->saved_errno = errno;
    switch_back(fiber);
    arrived_in_fiber(fiber);
    errno = fiber->saved_errno;
    fiber->what = NULL;
}

struct fiber *
fiber_current(void)
{
    return current;
}

size_t
fiber_count(const struct fiber_pool *pool)
{
    return pool->live_count;
}

void
fiber_works_on(const struct fiber_work *work)
{
    if (current != NULL)
        current->work = *work;
}

void
fiber_waits_for(const char *what)
{
    if (current != NULL)
        current->what = what;
}

void
fiber_each(struct fiber_pool *pool,
           void (*visit)(void *arg, const struct fiber_work *work, const char *what),
           void *arg)
{
    for (struct fiber *fiber = pool->live; fiber != NULL; fiber = fiber->next)
        visit(arg, &fiber->work, fiber->what != NULL ? fiber->what : "running");
}
