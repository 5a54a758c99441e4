/* Runs a program, and lets one of its calls below a directory go wrong.
 *
 *   trip DIR CLASSES WHAT N COMMAND...
 *
 * CLASSES  letters, the calls that count:
 *          o open  c open to create or write  w write  s sync  r rename  l link
 *          m mkdir  u unlink  a truncate, chmod, times  i read
 * WHAT     count   nothing goes wrong
 *          errno   the Nth call fails with that number; with a minus, every one from the Nth on
 *          kill    the program dies before the Nth call
 *          data    it dies, and what was written and not synced is gone, as after a power cut
 *          names   it dies, and names that were changed in directories not synced since are as they were
 *          both    data, then names
 *
 * Writes to $TRIP_REPORT how many calls there were, and which was the Nth.
 * It watches system calls with seccomp and ptrace, so nothing in the program has to know of it,
 * and no library can go round it. x86-64 alone; no privileges needed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef __x86_64__
#error "only the registers of x86-64 are known here"
#endif

/* As the kernel fills it; headers disagree on its name. */
struct call_info {
    uint8_t op, pad[3];
    uint32_t arch;
    uint64_t instruction, stack;
    union {
        struct {
            uint64_t number, args[6];
            uint32_t data;
        } enter;
        struct {
            int64_t result;
            uint8_t is_error;
        } exit;
    };
};
#define INFO ((enum __ptrace_request)0x420e)
enum { AT_EXIT = 2, AT_SECCOMP = 3 };

static char directory[PATH_MAX];
static const char *classes;
static enum { COUNT, FAIL, FAIL_ON, KILL, CUT } what;
static int failure, cut_data, cut_names;
static long wanted, seen;
static char reached[3 * PATH_MAX];

/* The calls, with their class, and which arguments name a file: a path, a directory and a path, or a descriptor. */
enum shape { PATH, AT, FD, TWO_PATHS, TWO_AT, OPEN, OPENAT };
static const struct call {
    long number;
    char class;
    enum shape shape;
} calls[] = {
    {SYS_open, 'o', OPEN},          {SYS_openat, 'o', OPENAT},     {SYS_creat, 'c', PATH},
    {SYS_write, 'w', FD},           {SYS_pwrite64, 'w', FD},       {SYS_writev, 'w', FD},
    {SYS_pwritev, 'w', FD},         {SYS_fallocate, 'w', FD},      {SYS_fsync, 's', FD},
    {SYS_fdatasync, 's', FD},       {SYS_syncfs, 's', FD},         {SYS_rename, 'r', TWO_PATHS},
    {SYS_renameat, 'r', TWO_AT},    {SYS_renameat2, 'r', TWO_AT},  {SYS_link, 'l', TWO_PATHS},
    {SYS_linkat, 'l', TWO_AT},      {SYS_mkdir, 'm', PATH},        {SYS_mkdirat, 'm', AT},
    {SYS_unlink, 'u', PATH},        {SYS_unlinkat, 'u', AT},       {SYS_rmdir, 'u', PATH},
    {SYS_ftruncate, 'a', FD},       {SYS_truncate, 'a', PATH},     {SYS_fchmod, 'a', FD},
    {SYS_chmod, 'a', PATH},         {SYS_fchmodat, 'a', AT},       {SYS_utimensat, 'a', AT},
    {SYS_copy_file_range, 'w', FD}, {SYS_sendfile, 'w', FD},       {SYS_read, 'i', FD},
    {SYS_pread64, 'i', FD},         {SYS_getdents64, 'i', FD},
};
enum { CALLS = sizeof calls / sizeof *calls };

static void die(const char *why) {
    perror(why);
    exit(125);
}

static int below(const char *path) {
    size_t length = strlen(directory);
    return !strncmp(path, directory, length) && (path[length] == '/' || !path[length]);
}

/* A text in the memory of the program. */
static void text(pid_t pid, unsigned long at, char *into) {
    size_t length = 0;
    while (length < PATH_MAX - 1) {
        /* Never across a page: what follows may not be there. */
        size_t part = 4096 - (at + length) % 4096;
        if (part > PATH_MAX - 1 - length)
            part = PATH_MAX - 1 - length;
        struct iovec here = {into + length, part}, there = {(void *)(at + length), part};
        ssize_t got = process_vm_readv(pid, &here, 1, &there, 1, 0);
        if (got <= 0)
            break;
        if (memchr(into + length, 0, got))
            return;
        length += got;
    }
    into[length] = 0;
}

static void of_descriptor(pid_t pid, int fd, char *into) {
    char link[64];
    snprintf(link, sizeof link, fd == AT_FDCWD ? "/proc/%d/cwd" : "/proc/%d/fd/%d", pid, fd);
    ssize_t length = readlink(link, into, PATH_MAX - 1);
    into[length < 0 ? 0 : length] = 0;
}

/* An absolute path; the program names files plainly, without dots or links of its own. */
static void of_path(pid_t pid, int dir, unsigned long at, char *into) {
    char path[PATH_MAX], base[PATH_MAX];
    text(pid, at, path);
    if (path[0] == '/') {
        strcpy(into, path);
        return;
    }
    of_descriptor(pid, dir, base);
    const char *rest = strncmp(path, "./", 2) ? path : path + 2;
    if (snprintf(into, PATH_MAX, *rest ? "%s/%s" : "%s", base, rest) >= PATH_MAX)
        into[0] = 0;
}

/* What a call is about to do. */
struct op {
    const struct call *call;
    char class;
    int fd, existed, directory, kept;
    mode_t mode;
    char a[PATH_MAX], b[PATH_MAX];
};

static int decode(pid_t pid, const struct call_info *info, struct op *op) {
    const uint64_t *args = info->enter.args;
    memset(op, 0, offsetof(struct op, a));
    op->a[0] = op->b[0] = 0;
    for (op->call = calls; op->call < calls + CALLS; op->call++)
        if (op->call->number == (long)info->enter.number)
            break;
    if (op->call == calls + CALLS)
        return 0;
    op->class = op->call->class;
    int flags = 0;
    switch (op->call->shape) {
    case FD:
        op->fd = args[op->call->number == SYS_copy_file_range ? 2 : 0];
        of_descriptor(pid, op->fd, op->a);
        break;
    case OPEN:
        flags = args[1];
        of_path(pid, AT_FDCWD, args[0], op->a);
        break;
    case OPENAT:
        flags = args[2];
        of_path(pid, args[0], args[1], op->a);
        break;
    case PATH:
        of_path(pid, AT_FDCWD, args[0], op->a);
        break;
    case AT:
        of_path(pid, args[0], args[1], op->a);
        break;
    case TWO_PATHS:
        of_path(pid, AT_FDCWD, args[0], op->a);
        of_path(pid, AT_FDCWD, args[1], op->b);
        break;
    case TWO_AT:
        of_path(pid, args[0], args[1], op->a);
        of_path(pid, args[2], args[3], op->b);
        break;
    }
    if (flags & (O_CREAT | O_WRONLY | O_RDWR))
        op->class = 'c';
    struct stat stat;
    op->existed = !lstat(op->b[0] ? op->b : op->a, &stat);
    op->directory = op->existed && S_ISDIR(stat.st_mode);
    op->mode = op->existed ? stat.st_mode & 07777 : 0;
    return below(op->a) || below(op->b);
}

/* ---- What a power cut takes away. ---- */

/* A file with bytes that are not synced, and how many of them are.
 * One that was given its length may keep it without them, also where it was as long already. */
static struct dirty {
    dev_t dev;
    ino_t ino;
    off_t synced;
    int fd, sized;
} *dirty;
static size_t dirties;

/* A name that was changed; `kept` is what was there before, under that number in `attic`. */
static struct change {
    char class;
    int existed, kept;
    mode_t mode;
    char *a, *b;
} *changes;
static size_t changed;
static char attic[PATH_MAX + 8];
static int kept;

static int same(const struct dirty *file, const struct stat *stat) {
    return file->dev == stat->st_dev && file->ino == stat->st_ino;
}

static struct dirty *find(const struct stat *stat) {
    for (size_t i = 0; i < dirties; i++)
        if (same(&dirty[i], stat))
            return &dirty[i];
    return NULL;
}

/* Before a write: remembers how long the file is, unless it has unsynced bytes already. */
static void note_write(pid_t pid, struct op *op) {
    size_t length = strlen(op->a);
    /* SQLite's shared memory is made anew by whoever comes first. */
    if (length > 4 && !strcmp(op->a + length - 4, "-shm"))
        return;
    int pidfd = syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0) {
        /* A thread that is not the first has no descriptor of its own. */
        char status[64], line[256];
        snprintf(status, sizeof status, "/proc/%d/status", pid);
        FILE *file = fopen(status, "r");
        int group = 0;
        while (file && fgets(line, sizeof line, file) && !sscanf(line, "Tgid: %d", &group)) {}
        if (file)
            fclose(file);
        pidfd = syscall(SYS_pidfd_open, group, 0);
    }
    int fd = syscall(SYS_pidfd_getfd, pidfd, op->fd, 0);
    close(pidfd);
    struct stat stat;
    if (fd < 0 || fstat(fd, &stat))
        die("pidfd_getfd");
    if (find(&stat) || !S_ISREG(stat.st_mode)) {
        close(fd);
        return;
    }
    dirty = realloc(dirty, (dirties + 1) * sizeof *dirty);
    dirty[dirties++] = (struct dirty){stat.st_dev, stat.st_ino, stat.st_size, fd, 0};
}

static void forget_file(const char *path) {
    struct stat now;
    if (lstat(path, &now))
        return;
    struct dirty *file = find(&now);
    if (file) {
        close(file->fd);
        *file = dirty[--dirties];
    }
}

static void give_length(const char *path) {
    struct stat now;
    struct dirty *file = lstat(path, &now) ? NULL : find(&now);
    if (file)
        file->sized = 1;
}

static int is_in(const char *path, const char *dir) {
    const char *end = strrchr(path, '/');
    return end && (size_t)(end - path) == strlen(dir) && !strncmp(path, dir, end - path);
}

static void forget_names(const char *dir) {
    size_t left = 0;
    for (size_t i = 0; i < changed; i++) {
        const char *name = changes[i].b[0] ? changes[i].b : changes[i].a;
        if (!is_in(name, dir) && strcmp(name, dir))
            changes[left++] = changes[i];
    }
    changed = left;
}

static void in_attic(int number, char *into) {
    if (snprintf(into, PATH_MAX, "%.*s/%d", PATH_MAX, attic, number) >= PATH_MAX)
        die("attic");
}

/* Before a name goes: keeps what it names. */
static void keep(struct op *op) {
    if (!op->existed || op->directory || !strchr("ru", op->class))
        return;
    char path[PATH_MAX];
    in_attic(++kept, path);
    if (link(op->b[0] ? op->b : op->a, path))
        die("link");
    op->kept = kept;
}

/* After a call that worked. */
static void note(struct op *op) {
    switch (op->class) {
    case 's':
        if (op->call->number == SYS_syncfs) {
            while (dirties)
                close(dirty[--dirties].fd);
            changed = 0;
        } else {
            forget_file(op->a);
            forget_names(op->a);
        }
        return;
    case 'c':
        if (op->existed)
            return;
        break;
    case 'a':
        if (op->call->number == SYS_ftruncate || op->call->number == SYS_truncate) {
            give_length(op->a);
            return;
        }
        break;
    case 'r':
    case 'l':
    case 'm':
    case 'u':
        break;
    default:
        return;
    }
    changes = realloc(changes, (changed + 1) * sizeof *changes);
    changes[changed++] =
        (struct change){op->class, op->existed, op->kept, op->mode, strdup(op->a), strdup(op->b)};
}

static void cut(void) {
    for (size_t i = 0; cut_data && i < dirties; i++) {
        struct stat now;
        if (fstat(dirty[i].fd, &now) || ftruncate(dirty[i].fd, dirty[i].synced))
            die("ftruncate");
        if (dirty[i].sized && now.st_size > dirty[i].synced && ftruncate(dirty[i].fd, now.st_size))
            die("ftruncate");
    }
    char path[PATH_MAX];
    /* What can't be undone was undone with what came after it. */
    while (cut_names && changed) {
        struct change *change = &changes[--changed];
        switch (change->class) {
        case 'a':
            chmod(change->a, change->mode);
            break;
        case 'c':
            unlink(change->a);
            break;
        case 'l':
            unlink(change->b);
            break;
        case 'm':
            in_attic(++kept, path);
            rename(change->a, path);
            break;
        case 'r':
            rename(change->b, change->a);
            if (change->kept) {
                in_attic(change->kept, path);
                link(path, change->b);
            }
            break;
        case 'u':
            in_attic(change->kept, path);
            if (change->kept)
                link(path, change->a);
            else if (!mkdir(change->a, 0700))
                chmod(change->a, change->mode);
            break;
        }
    }
    /* A file that is there again has the names that it had, and none here. */
    for (int number = 1; number <= kept; number++) {
        in_attic(number, path);
        unlink(path);
    }
}

/* ---- Watching. ---- */

/* Calls that are under way, by thread. */
static struct {
    pid_t tid;
    struct op op;
} pending[256];

static struct op *slot(pid_t tid) {
    for (size_t i = 0; i < sizeof pending / sizeof *pending; i++)
        if (pending[i].tid == tid || !pending[i].tid) {
            pending[i].tid = tid;
            return &pending[i].op;
        }
    die("too many threads");
    return NULL;
}

static void finish(int status) {
    const char *report = getenv("TRIP_REPORT");
    FILE *file = report ? fopen(report, "w") : NULL;
    if (file) {
        fprintf(file, "%ld\n%s\n", seen, reached);
        fclose(file);
    }
    exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static void stop(pid_t child) {
    int status;
    kill(child, SIGKILL);
    while (waitpid(-1, &status, __WALL) > 0) {}
    if (what == CUT)
        cut();
    finish(SIGKILL);
}

static void refuse(pid_t tid) {
    ptrace(PTRACE_POKEUSER, tid, offsetof(struct user_regs_struct, orig_rax), -1L);
    ptrace(PTRACE_POKEUSER, tid, offsetof(struct user_regs_struct, rax), (long)-failure);
}

/* Before a call; says whether its end is of interest. */
static int enter(pid_t tid, pid_t child, struct op *op) {
    struct call_info info;
    if (ptrace(INFO, tid, sizeof info, &info) <= 0 ||
        info.op != AT_SECCOMP || !decode(tid, &info, op))
        return 0;
    if (strchr(classes, op->class)) {
        seen++;
        if (seen == wanted)
            snprintf(reached, sizeof reached, "%c %s%s%s", op->class, op->a, op->b[0] ? " -> " : "", op->b);
        int now = seen == wanted;
        if ((what == FAIL && now) || (what == FAIL_ON && seen >= wanted)) {
            refuse(tid);
            return 0;
        }
        if ((what == KILL || what == CUT) && now)
            stop(child);
    }
    if (what != CUT)
        return 0;
    if (op->class == 'w' || op->call->number == SYS_ftruncate)
        note_write(tid, op);
    keep(op);
    return 1;
}

static void watch(pid_t child) {
    for (;;) {
        int status, signal = 0, request = PTRACE_CONT;
        pid_t tid = waitpid(-1, &status, __WALL);
        if (tid < 0)
            die("waitpid");
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            if (tid == child)
                finish(status);
            continue;
        }
        if (status >> 8 == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8)) {
            if (enter(tid, child, slot(tid)))
                request = PTRACE_SYSCALL;
        } else if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
            struct call_info info;
            if (ptrace(INFO, tid, sizeof info, &info) > 0 &&
                info.op == AT_EXIT && !info.exit.is_error)
                note(slot(tid));
        } else if (status >> 16 == 0 && WSTOPSIG(status) != SIGSTOP && WSTOPSIG(status) != SIGTRAP) {
            signal = WSTOPSIG(status);
        }
        ptrace(request, tid, 0, (long)signal);
    }
}

/* Has the kernel stop at the calls of the list, and run all others as ever. */
static void filter(void) {
    struct sock_filter code[CALLS + 4];
    unsigned short n = 0;
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (int i = 0; i < CALLS; i++) {
        int counts = strchr(classes, calls[i].class) || (calls[i].class == 'o' && strchr(classes, 'c'));
        /* A call of no interest jumps to where the next one is looked at. */
        int jump = counts || (what == CUT && calls[i].class != 'i') ? CALLS - i : 0;
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i].number, jump, 0);
    }
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
    struct sock_fprog program = {n, code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
        die("seccomp");
}

int main(int count, char **words) {
    if (count < 6) {
        fprintf(stderr, "trip DIR CLASSES WHAT N COMMAND...\n");
        return 125;
    }
    /* It may be made only later. */
    char *end = strrchr(words[1], '/');
    if (!end || words[1][0] != '/' || strlen(words[1]) >= PATH_MAX)
        die("the directory must be an absolute path");
    strcpy(directory, words[1]);
    classes = words[2];
    wanted = atol(words[4]);
    cut_data = !strcmp(words[3], "data") || !strcmp(words[3], "both");
    cut_names = !strcmp(words[3], "names") || !strcmp(words[3], "both");
    failure = abs(atoi(words[3]));
    what = cut_data || cut_names        ? CUT
           : !strcmp(words[3], "kill")  ? KILL
           : !strcmp(words[3], "count") ? COUNT
           : atoi(words[3]) < 0         ? FAIL_ON
                                        : FAIL;
    if (what == CUT) {
        struct rlimit files;
        getrlimit(RLIMIT_NOFILE, &files);
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
        /* On the same file system, so that names can be linked there. */
        snprintf(attic, sizeof attic, "%s.attic", directory);
        if (mkdir(attic, 0700) && errno != EEXIST)
            die("mkdir");
    }
    pid_t child = fork();
    if (child < 0)
        die("fork");
    if (!child) {
        if (ptrace(PTRACE_TRACEME, 0, 0, 0))
            die("ptrace");
        raise(SIGSTOP);
        filter();
        execvp(words[5], words + 5);
        die(words[5]);
    }
    int status;
    if (waitpid(child, &status, __WALL) != child || !WIFSTOPPED(status))
        die("waitpid");
    long options = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
                   PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    if (ptrace(PTRACE_SETOPTIONS, child, 0, options) || ptrace(PTRACE_CONT, child, 0, 0))
        die("ptrace");
    watch(child);
}
