// labhost: starts, boots and enters the hosts of a lab.
//
//   labhost start [options]          starts a host with a tiny init and sshd; prints the init's pid
//   labhost boot [options] -- CMD…   the same root for systemd-nspawn: runs CMD in its place, root at DIR/mnt/root
//   labhost enter PID -- CMD…        runs CMD as root in all namespaces of PID
//   labhost join NETNS -- CMD…       runs CMD in a network namespace and in no other
//   labhost supervise DIR -- CMD…    runs CMD and adopts its orphans, so that `lab down` finds all of them
//
// Options of start and boot: --name NAME --netns PATH --address A.B.C.D --lower DIR:DIR… --dir DIR --size BYTES.
// DIR holds the mount point `mnt`, the clock `clock` (see vclock.h) and the log `log`.
//
// Safety: whatever runs in a host, or beside it by way of this program, cannot touch the machine's clock, modules,
// devices or power, because those capabilities are dropped for good before anything else is executed.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vclock.h"

#define NETMASK "255.255.0.0"
#define START_SCRIPT "/etc/fleetsync-lab/start"
#define MAX_PATH 4096

struct host {
  const char *name, *netns, *address, *lower, *dir, *size;
};

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...) {
  int error = errno;
  va_list args;
  va_start(args, format);
  fprintf(stderr, "labhost: ");
  vfprintf(stderr, format, args);
  fprintf(stderr, ": %s\n", strerror(error));
  va_end(args);
  _exit(1);
}

__attribute__((format(printf, 2, 3))) static const char *path_in(char path[MAX_PATH], const char *format, ...) {
  va_list args;
  va_start(args, format);
  int length = vsnprintf(path, MAX_PATH, format, args);
  va_end(args);
  if (length >= MAX_PATH) {
    errno = ENAMETOOLONG;
    die("%s", path);
  }
  return path;
}

// ---- privileges

// A capability is gone for good when it is in neither the bounding set, which limits what exec grants, nor our sets.
static void drop_capability(int capability) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct sets[2];
  if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) die("bounding set without capability %d", capability);
  if (syscall(SYS_capget, &header, sets) != 0) die("capget");
  struct __user_cap_data_struct *set = &sets[CAP_TO_INDEX(capability)];
  set->effective &= ~CAP_TO_MASK(capability);
  set->permitted &= ~CAP_TO_MASK(capability);
  set->inheritable &= ~CAP_TO_MASK(capability);
  if (syscall(SYS_capset, &header, sets) != 0) die("capset");
}

static void drop_dangerous_capabilities(void) {
  static const int dangerous[] = {CAP_SYS_TIME, CAP_SYS_MODULE, CAP_SYS_BOOT, CAP_SYS_RAWIO, CAP_MKNOD};
  for (size_t i = 0; i < sizeof dangerous / sizeof dangerous[0]; i++) drop_capability(dangerous[i]);
}

static void clean_environment(void) {
  const char *term = getenv("TERM");
  char *kept = term != NULL ? strdup(term) : NULL;
  clearenv();
  setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
  setenv("HOME", "/root", 1);
  setenv("LANG", "C.UTF-8", 1);
  if (kept != NULL) setenv("TERM", kept, 1);
}

// ---- network

static void join_network(const char *netns) {
  int fd = open(netns, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || setns(fd, CLONE_NEWNET) != 0) die("network namespace %s", netns);
  close(fd);
}

static void set_up_interface(int fd, const char *interface) {
  struct ifreq request = {0};
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
  if (ioctl(fd, SIOCGIFFLAGS, &request) != 0) die("interface %s", interface);
  request.ifr_flags |= IFF_UP;
  if (ioctl(fd, SIOCSIFFLAGS, &request) != 0) die("interface %s up", interface);
}

static void set_address(int fd, unsigned long what, const char *interface, const char *address) {
  struct ifreq request = {0};
  struct sockaddr_in *to = (struct sockaddr_in *)&request.ifr_addr;
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
  to->sin_family = AF_INET;
  if (inet_pton(AF_INET, address, &to->sin_addr) != 1) die("address %s", address);
  if (ioctl(fd, what, &request) != 0) die("interface %s, address %s", interface, address);
}

// By ioctl rather than `ip`: a process a host would be the larger part of the time a big lab takes to start.
static void configure_network(const char *address) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket");
  set_up_interface(fd, "lo");
  set_address(fd, SIOCSIFADDR, "eth0", address);
  set_address(fd, SIOCSIFNETMASK, "eth0", NETMASK);
  set_up_interface(fd, "eth0");
  close(fd);
}

// ---- files

static void make_dir(const char *path, mode_t mode) {
  if (mkdir(path, mode) != 0 && errno != EEXIST) die("mkdir %s", path);
}

static void mount_at(const char *source, const char *target, const char *type, unsigned long flags, const char *data) {
  if (mount(source, target, type, flags, data) != 0) die("mount %s on %s", source, target);
}

// A mount namespace of its own, with the host's root at DIR/mnt/root: what the host writes is in a tmpfs that nothing
// else mounts, so it vanishes with the host's last process.
static void mount_root(const struct host *host, char root[MAX_PATH]) {
  char path[MAX_PATH], options[MAX_PATH];
  if (unshare(CLONE_NEWNS) != 0) die("mount namespace");
  mount_at("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
  path_in(path, "%s/mnt", host->dir);
  path_in(options, "size=%s,mode=755", host->size);
  mount_at("fleetsync-lab", path, "tmpfs", 0, options);
  make_dir(path_in(path, "%s/mnt/upper", host->dir), 0755);
  make_dir(path_in(path, "%s/mnt/work", host->dir), 0755);
  make_dir(path_in(root, "%s/mnt/root", host->dir), 0755);
  path_in(options, "lowerdir=%s,upperdir=%s/mnt/upper,workdir=%s/mnt/work", host->lower, host->dir, host->dir);
  mount_at("overlay", root, "overlay", 0, options);
}

static void make_device(const char *path, unsigned major_number, unsigned minor_number) {
  if (mknod(path, S_IFCHR | 0666, makedev(major_number, minor_number)) != 0) die("mknod %s", path);
}

static void make_link(const char *target, const char *path) {
  if (symlink(target, path) != 0) die("symlink %s", path);
}

static void populate_dev(void) {
  mode_t old = umask(0);
  mount_at("tmpfs", "dev", "tmpfs", 0, "size=1m,mode=755");
  make_device("dev/null", 1, 3);
  make_device("dev/zero", 1, 5);
  make_device("dev/full", 1, 7);
  make_device("dev/random", 1, 8);
  make_device("dev/urandom", 1, 9);
  make_device("dev/tty", 5, 0);
  make_dir("dev/pts", 0755);
  make_dir("dev/shm", 01777);
  mount_at("devpts", "dev/pts", "devpts", 0, "newinstance,ptmxmode=0666,mode=620,gid=5");
  make_link("pts/ptmx", "dev/ptmx");
  make_link("/proc/self/fd", "dev/fd");
  make_link("/proc/self/fd/0", "dev/stdin");
  make_link("/proc/self/fd/1", "dev/stdout");
  make_link("/proc/self/fd/2", "dev/stderr");
  umask(old);
}

// Settings of the kernel belong to the machine; only those of the network are the host's own.
static void mount_proc(void) {
  mount_at("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
  mount_at("proc/sys/net", "proc/sys/net", NULL, MS_BIND, NULL);
  mount_at("proc/sys", "proc/sys", NULL, MS_BIND | MS_REC, NULL);
  mount_at("none", "proc/sys", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL);
  if (access("proc/sysrq-trigger", F_OK) == 0) mount_at("dev/null", "proc/sysrq-trigger", NULL, MS_BIND, NULL);
}

static void mount_run(const char *dir) {
  char clock[MAX_PATH];
  mount_at("tmpfs", "run", "tmpfs", MS_NOSUID | MS_NODEV, "size=16m,mode=755");
  make_dir("run/sshd", 0755);
  make_dir("run/lock", 0755);
  if (chmod("run/lock", 01777) != 0) die("chmod run/lock");
  make_dir("run/fleetsync-lab", 0755);
  int fd = open("." VCLOCK_FILE, O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) die("%s", VCLOCK_FILE);
  close(fd);
  mount_at(path_in(clock, "%s/clock", dir), "." VCLOCK_FILE, NULL, MS_BIND, NULL);
}

static void enter_root(const struct host *host) {
  char root[MAX_PATH];
  mount_root(host, root);
  if (chdir(root) != 0) die("chdir %s", root);
  populate_dev();
  mount_proc();
  mount_at("sysfs", "sys", "sysfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
  mount_run(host->dir);
  // The old root ends up below the new one at the same place, where it can be taken off.
  if (syscall(SYS_pivot_root, ".", ".") != 0) die("pivot_root %s", root);
  if (umount2(".", MNT_DETACH) != 0) die("umount the machine's root");
  if (chdir("/") != 0) die("chdir /");
}

static void redirect_output(const char *dir) {
  char path[MAX_PATH];
  int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  int log = open(path_in(path, "%s/log", dir), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (null < 0 || log < 0) die("%s", path);
  dup2(null, STDIN_FILENO);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
}

// ---- start: the host's init

static void spawn(char *const argv[]) {
  pid_t pid = fork();
  if (pid < 0) die("fork");
  if (pid > 0) return;
  signal(SIGTERM, SIG_DFL);
  execv(argv[0], argv);
  die("%s", argv[0]);
}

static void power_off(int signal_number) {
  (void)signal_number;
  _exit(0);  // the kernel kills what is left in the pid namespace
}

__attribute__((noreturn)) static void run_init(void) {
  char *const sshd[] = {"/usr/sbin/sshd", "-D", "-e", NULL};
  char *const start[] = {START_SCRIPT, NULL};
  signal(SIGTERM, power_off);
  spawn(sshd);
  if (access(START_SCRIPT, X_OK) == 0) spawn(start);
  for (;;) {
    if (wait(NULL) < 0 && errno == ECHILD) pause();
  }
}

__attribute__((noreturn)) static void become_host(const struct host *host, int ready) {
  setsid();
  enter_root(host);
  if (sethostname(host->name, strlen(host->name)) != 0) die("sethostname %s", host->name);
  drop_dangerous_capabilities();
  clean_environment();
  if (write(ready, "", 1) != 1) die("report to the lab");
  // Nothing inherited may live on in the host: above all not the lab's lock, which `lab down` waits for.
  if (syscall(SYS_close_range, 3, ~0U, 0) != 0) die("close_range");
  run_init();
}

static int start(const struct host *host) {
  int ready[2];
  join_network(host->netns);
  configure_network(host->address);
  if (pipe2(ready, O_CLOEXEC) != 0) die("pipe");
  if (unshare(CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID) != 0) die("namespaces");
  pid_t pid = fork();
  if (pid < 0) die("fork");
  if (pid == 0) {
    redirect_output(host->dir);
    become_host(host, ready[1]);
  }
  close(ready[1]);
  char byte;
  if (read(ready[0], &byte, 1) != 1) {
    fprintf(stderr, "labhost: %s did not start, see %s/log\n", host->name, host->dir);
    return 1;
  }
  printf("%d\n", (int)pid);
  return 0;
}

// ---- boot: systemd-nspawn makes the namespaces

static int boot(const struct host *host, char **command) {
  char root[MAX_PATH];
  pid_t configurer = fork();  // a process has one network namespace, and nspawn must start in the machine's
  if (configurer < 0) die("fork");
  if (configurer == 0) {
    join_network(host->netns);
    configure_network(host->address);
    _exit(0);
  }
  int status;
  if (waitpid(configurer, &status, 0) < 0) die("waitpid");
  if (status != 0) return 1;
  mount_root(host, root);
  drop_capability(CAP_SYS_TIME);
  redirect_output(host->dir);
  setsid();
  execvp(command[0], command);
  die("%s", command[0]);
}

// ---- enter, join, supervise

static int exit_code(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int enter(const char *pid_text, char **command) {
  char path[MAX_PATH];
  int target = (int)syscall(SYS_pidfd_open, atoi(pid_text), 0);
  int root = open(path_in(path, "/proc/%s/root", pid_text), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (target < 0 || root < 0) die("process %s", pid_text);
  if (setns(target, CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWPID) != 0) die("setns");
  if (fchdir(root) != 0 || chroot(".") != 0) die("root of process %s", pid_text);
  drop_dangerous_capabilities();
  clean_environment();
  pid_t pid = fork();  // only children are in the pid namespace
  if (pid < 0) die("fork");
  if (pid == 0) {
    if (chdir("/root") != 0 && chdir("/") != 0) die("chdir /");
    execvp(command[0], command);
    fprintf(stderr, "labhost: %s: %s\n", command[0], strerror(errno));
    _exit(127);
  }
  signal(SIGINT, SIG_IGN);  // the terminal sends it to the command as well, and its exit code is wanted
  int status;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) die("waitpid");
  }
  return exit_code(status);
}

static int join(const char *netns, char **command) {
  join_network(netns);
  drop_capability(CAP_SYS_TIME);
  execvp(command[0], command);
  fprintf(stderr, "labhost: %s: %s\n", command[0], strerror(errno));
  return 127;
}

// Without root there is no namespace that would hold a host's processes together; a subreaper does.
static int supervise(const char *dir, char **command) {
  pid_t pid = fork();
  if (pid < 0) die("fork");
  if (pid > 0) {
    printf("%d\n", (int)pid);
    return 0;
  }
  setsid();
  redirect_output(dir);
  if (syscall(SYS_close_range, 3, ~0U, 0) != 0) die("close_range");
  if (geteuid() == 0) drop_dangerous_capabilities();  // others have none, and may not drop any
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) die("subreaper");
  spawn(command);
  while (wait(NULL) >= 0 || errno == EINTR) continue;
  return 0;
}

static int usage(void) {
  fprintf(stderr, "usage: labhost start|boot OPTIONS [-- CMD...] | enter PID -- CMD... | join NETNS -- CMD... | "
                  "supervise DIR -- CMD...\n");
  return 2;
}

static bool parse_host(int argc, char **argv, struct host *host) {
  static const struct option options[] = {
      {"name", required_argument, NULL, 'n'}, {"netns", required_argument, NULL, 'w'},
      {"lower", required_argument, NULL, 'l'}, {"address", required_argument, NULL, 'a'},
      {"dir", required_argument, NULL, 'd'},  {"size", required_argument, NULL, 's'},
      {NULL, 0, NULL, 0}};
  for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
    switch (option) {
      case 'n': host->name = optarg; break;
      case 'w': host->netns = optarg; break;
      case 'l': host->lower = optarg; break;
      case 'a': host->address = optarg; break;
      case 'd': host->dir = optarg; break;
      case 's': host->size = optarg; break;
      default: return false;
    }
  }
  return host->name && host->netns && host->lower && host->address && host->dir && host->size;
}

int main(int argc, char **argv) {
  const char *verb = argc > 1 ? argv[1] : "";
  if (strcmp(verb, "start") == 0 || strcmp(verb, "boot") == 0) {
    struct host host = {0};
    if (!parse_host(argc - 1, argv + 1, &host)) return usage();
    char **command = argv + 1 + optind;
    if (strcmp(verb, "start") == 0) return start(&host);
    return *command != NULL ? boot(&host, command) : usage();
  }
  if (argc < 5 || strcmp(argv[3], "--") != 0) return usage();
  if (strcmp(verb, "enter") == 0) return enter(argv[2], argv + 4);
  if (strcmp(verb, "join") == 0) return join(argv[2], argv + 4);
  if (strcmp(verb, "supervise") == 0) return supervise(argv[2], argv + 4);
  return usage();
}
