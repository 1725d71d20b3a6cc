//! One memory budget for a process, and where its size and the number of threads come from.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that a process may hold. Reserving never fails: who holds much and sees [`Budget::over`]
/// spills. Cheap to clone; all clones count together.
#[derive(Debug, Clone)]
pub struct Budget(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    total: u64,
    used: AtomicU64,
    peak: AtomicU64,
}

impl Budget {
    /// A budget of `total` bytes.
    #[must_use]
    pub fn new(total: u64) -> Self {
        Self(Arc::new(Inner { total, used: AtomicU64::new(0), peak: AtomicU64::new(0) }))
    }

    /// Its size in bytes.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.total
    }

    /// Bytes reserved now.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.0.used.load(Ordering::Relaxed)
    }

    /// The most bytes that were ever reserved at once.
    #[must_use]
    pub fn peak(&self) -> u64 {
        self.0.peak.load(Ordering::Relaxed)
    }

    /// Whether more is reserved than the budget has.
    #[must_use]
    pub fn over(&self) -> bool {
        self.used() > self.total()
    }

    /// Reserves `bytes`, whether or not they are there.
    #[must_use]
    pub fn reserve(&self, bytes: u64) -> Reservation {
        let mut reservation = Reservation { budget: self.clone(), bytes: 0 };
        reservation.grow(bytes);
        reservation
    }

    /// Reserves `bytes` if the budget still has them.
    #[must_use]
    pub fn try_reserve(&self, bytes: u64) -> Option<Reservation> {
        let total = self.total();
        let fits = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= total);
        let before = self.0.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).ok()?;
        self.0.peak.fetch_max(before.saturating_add(bytes), Ordering::Relaxed);
        Some(Reservation { budget: self.clone(), bytes })
    }
}

/// Reserved bytes; given back when dropped.
#[derive(Debug)]
pub struct Reservation {
    budget: Budget,
    bytes: u64,
}

impl Reservation {
    /// How many bytes it holds.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether its budget is overdrawn.
    #[must_use]
    pub fn over(&self) -> bool {
        self.budget.over()
    }

    /// Adds bytes.
    pub fn grow(&mut self, bytes: u64) {
        // A sum that does not fit in 64 bits is a defect of the caller's estimate, not a size:
        // it is cut off, so that giving back stays exact.
        let bytes = bytes.min(u64::MAX / 1024);
        let before = self.budget.0.used.fetch_add(bytes, Ordering::Relaxed);
        self.budget.0.peak.fetch_max(before.saturating_add(bytes), Ordering::Relaxed);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Gives back `bytes`, at most what it holds.
    pub fn shrink(&mut self, bytes: u64) {
        let bytes = bytes.min(self.bytes);
        self.budget.0.used.fetch_sub(bytes, Ordering::Relaxed);
        self.bytes -= bytes;
    }

    /// Holds exactly `bytes` from now on.
    pub fn resize(&mut self, bytes: u64) {
        if bytes > self.bytes {
            self.grow(bytes - self.bytes);
        } else {
            self.shrink(self.bytes - bytes);
        }
    }

    /// Gives all back.
    pub fn free(&mut self) {
        self.shrink(self.bytes);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.free();
    }
}

/// The share of the memory limit that is budgeted; the rest is for what is not counted (code,
/// stacks, buffers of decoders, the allocator's slack).
const SHARE_PERCENT: u64 = 60;

/// The budget when neither a limit nor the machine's memory can be read.
const UNKNOWN_MEMORY: u64 = 2 << 30;

/// The default budget in bytes: a share of the smallest of the cgroup's limit and the machine's
/// memory. `read` gives the text of a file, or nothing.
#[must_use]
pub fn default_bytes(read: impl Fn(&str) -> Option<String>) -> u64 {
    let limit = [from_cgroup(&read), from_meminfo(&read)].into_iter().flatten().min();
    limit.unwrap_or(UNKNOWN_MEMORY) / 100 * SHARE_PERCENT
}

/// The memory limit of this process's cgroup (version 2 or 1) in bytes: the smallest one from its
/// own group up to the root. `None`: there is none.
#[must_use]
pub fn from_cgroup(read: impl Fn(&str) -> Option<String>) -> Option<u64> {
    // Version 1 writes "no limit" as the largest multiple of a page; nothing real comes near.
    const NO_LIMIT: u64 = 1 << 60;
    groups(&read)
        .into_iter()
        .filter_map(|group| match group {
            Group::V2(path) => read(&format!("{path}/memory.max")),
            Group::V1(controllers, path) => controllers
                .split(',')
                .any(|c| c == "memory")
                .then(|| read(&format!("/sys/fs/cgroup/memory{path}/memory.limit_in_bytes")))
                .flatten(),
        })
        .filter_map(|text| text.trim().parse::<u64>().ok())
        .filter(|bytes| *bytes < NO_LIMIT)
        .min()
}

/// The machine's memory in bytes, from `/proc/meminfo`.
#[must_use]
pub fn from_meminfo(read: impl Fn(&str) -> Option<String>) -> Option<u64> {
    let text = read("/proc/meminfo")?;
    let line = text.lines().find_map(|l| l.strip_prefix("MemTotal:"))?;
    let kib = line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?;
    kib.checked_mul(1024)
}

/// The default number of threads: the processors that the process may run on, at most the
/// cgroup's quota, at least 1.
#[must_use]
pub fn default_threads(read: impl Fn(&str) -> Option<String>) -> usize {
    let allowed = threads_from_affinity(&read)
        .or_else(|| std::thread::available_parallelism().ok().map(usize::from))
        .unwrap_or(1);
    threads_from_cgroup(&read).map_or(allowed, |quota| quota.min(allowed)).max(1)
}

/// The processors of the cgroup's quota (version 2 or 1), rounded up: 1.5 processors keep two
/// threads busy. `None`: there is no quota.
#[must_use]
pub fn threads_from_cgroup(read: impl Fn(&str) -> Option<String>) -> Option<usize> {
    groups(&read)
        .into_iter()
        .filter_map(|group| match group {
            Group::V2(path) => {
                let text = read(&format!("{path}/cpu.max"))?;
                let (quota, period) = text.trim().split_once(' ')?;
                processors(quota, period)
            }
            Group::V1(controllers, path) => {
                if !controllers.split(',').any(|c| c == "cpu") {
                    return None;
                }
                let value = |file: &str| read(&format!("/sys/fs/cgroup/cpu{path}/cpu.{file}"));
                processors(&value("cfs_quota_us")?, &value("cfs_period_us")?)
            }
        })
        .min()
}

fn processors(quota: &str, period: &str) -> Option<usize> {
    let quota = quota.trim().parse::<u64>().ok()?;
    let period = period.trim().parse::<u64>().ok().filter(|p| *p > 0)?;
    usize::try_from(quota.div_ceil(period)).ok().map(|n| n.max(1))
}

/// Processors in `Cpus_allowed_list` of `/proc/self/status`, such as `0-3,8`.
fn threads_from_affinity(read: impl Fn(&str) -> Option<String>) -> Option<usize> {
    let text = read("/proc/self/status")?;
    let list = text.lines().find_map(|l| l.strip_prefix("Cpus_allowed_list:"))?;
    let mut count = 0_usize;
    for range in list.trim().split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (first.parse::<usize>().ok()?, last.parse::<usize>().ok()?);
        count = count.checked_add(last.checked_sub(first)?.checked_add(1)?)?;
    }
    Some(count)
}

enum Group {
    /// A folder of the unified tree.
    V2(String),
    /// Controllers, and the path below each one's tree.
    V1(String, String),
}

/// The groups of this process and all their parents. In a container the path may be the host's,
/// which does not exist inside: then only the root is found, and that is the container's own.
fn groups(read: impl Fn(&str) -> Option<String>) -> Vec<Group> {
    let mut found = Vec::new();
    for line in read("/proc/self/cgroup").unwrap_or_default().lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let mut path = path.trim_end_matches('/');
        loop {
            found.push(if controllers.is_empty() {
                Group::V2(format!("/sys/fs/cgroup{path}"))
            } else {
                Group::V1(controllers.to_owned(), path.to_owned())
            });
            let Some((parent, _)) = path.rsplit_once('/') else { break };
            path = parent;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(list: &'static [(&'static str, &'static str)]) -> impl Fn(&str) -> Option<String> {
        move |path| list.iter().find(|(p, _)| *p == path).map(|(_, text)| (*text).to_owned())
    }

    #[test]
    fn reservations_count_and_give_back() {
        let budget = Budget::new(100);
        let mut a = budget.reserve(60);
        assert!(!a.over());
        assert!(budget.try_reserve(41).is_none());
        let b = budget.try_reserve(40).expect("fits");
        assert_eq!((budget.used(), budget.over()), (100, false));
        a.grow(1);
        assert!(budget.over() && a.over() && b.over());
        a.resize(10);
        assert_eq!(budget.used(), 50);
        a.shrink(1000);
        drop(b);
        drop(a);
        assert_eq!((budget.used(), budget.peak()), (0, 101));
        let huge = budget.reserve(u64::MAX);
        drop(huge);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn memory_limits_of_cgroups() {
        let table: &[(&'static [(&str, &str)], Option<u64>)] = &[
            (&[], None),
            (
                &[("/proc/self/cgroup", "0::/\n"), ("/sys/fs/cgroup/memory.max", "1073741824\n")],
                Some(1 << 30),
            ),
            (&[("/proc/self/cgroup", "0::/\n"), ("/sys/fs/cgroup/memory.max", "max\n")], None),
            (&[("/proc/self/cgroup", "garbage\n\n0::")], None),
            // The smallest of the nested groups holds.
            (
                &[
                    ("/proc/self/cgroup", "0::/kubepods/pod1/c1\n"),
                    ("/sys/fs/cgroup/kubepods/pod1/c1/memory.max", "max\n"),
                    ("/sys/fs/cgroup/kubepods/pod1/memory.max", "500\n"),
                    ("/sys/fs/cgroup/kubepods/memory.max", "9000\n"),
                ],
                Some(500),
            ),
            // Version 1; the host's path does not exist in the container.
            (
                &[
                    ("/proc/self/cgroup", "12:cpu,cpuacct:/docker/x\n4:memory:/docker/x\n"),
                    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "268435456\n"),
                ],
                Some(256 << 20),
            ),
            (
                &[
                    ("/proc/self/cgroup", "4:memory:/\n"),
                    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
                ],
                None,
            ),
        ];
        for (list, want) in table {
            assert_eq!(from_cgroup(files(list)), *want, "{list:?}");
        }
    }

    #[test]
    fn default_budget_is_a_share_of_the_smallest_limit() {
        let machine = files(&[("/proc/meminfo", "MemTotal:       10000 kB\nMemFree: 5 kB\n")]);
        assert_eq!(default_bytes(machine), 10_240_000 / 100 * 60);
        let limited = files(&[
            ("/proc/meminfo", "MemTotal: 10000 kB\n"),
            ("/proc/self/cgroup", "0::/a\n"),
            ("/sys/fs/cgroup/a/memory.max", "1000\n"),
        ]);
        assert_eq!(default_bytes(limited), 600);
        assert_eq!(default_bytes(files(&[("/proc/meminfo", "MemTotal: much\n")])), UNKNOWN_MEMORY / 100 * 60);
    }

    #[test]
    fn threads_of_cgroups() {
        let table: &[(&'static [(&str, &str)], Option<usize>)] = &[
            (&[], None),
            (&[("/proc/self/cgroup", "0::/\n"), ("/sys/fs/cgroup/cpu.max", "max 100000\n")], None),
            (&[("/proc/self/cgroup", "0::/\n"), ("/sys/fs/cgroup/cpu.max", "150000 100000\n")], Some(2)),
            (&[("/proc/self/cgroup", "0::/\n"), ("/sys/fs/cgroup/cpu.max", "1000 100000\n")], Some(1)),
            (&[("/proc/self/cgroup", "0::/\n"), ("/sys/fs/cgroup/cpu.max", "1000 0\n")], None),
            (
                &[
                    ("/proc/self/cgroup", "3:cpu,cpuacct:/x\n"),
                    ("/sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "400000\n"),
                    ("/sys/fs/cgroup/cpu/x/cpu.cfs_period_us", "100000\n"),
                    ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"),
                    ("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"),
                ],
                Some(4),
            ),
        ];
        for (list, want) in table {
            assert_eq!(threads_from_cgroup(files(list)), *want, "{list:?}");
        }
        let affinity = files(&[("/proc/self/status", "Name:\tx\nCpus_allowed_list:\t0-3,8\n")]);
        assert_eq!(default_threads(affinity), 5);
        let both = files(&[
            ("/proc/self/status", "Cpus_allowed_list:\t0-63\n"),
            ("/proc/self/cgroup", "0::/\n"),
            ("/sys/fs/cgroup/cpu.max", "250000 100000"),
        ]);
        assert_eq!(default_threads(both), 3);
        assert!(default_threads(files(&[("/proc/self/status", "Cpus_allowed_list:\t3-1\n")])) >= 1);
    }
}
