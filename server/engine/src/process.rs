//! What the operating system says about this process; zeros where it says nothing.
use std::fs;

/// Resident memory in bytes.
pub fn resident_bytes() -> u64 {
    status_kib("VmRSS:") * 1024
}

/// The most resident memory there ever was, in bytes.
pub fn peak_bytes() -> u64 {
    status_kib("VmHWM:") * 1024
}

/// A line of /proc/self/status, in KiB.
fn status_kib(name: &str) -> u64 {
    number_after(&fs::read_to_string("/proc/self/status").unwrap_or_default(), name)
}

/// Memory of the machine in bytes.
pub fn system_memory_bytes() -> u64 {
    number_after(&fs::read_to_string("/proc/meminfo").unwrap_or_default(), "MemTotal:") * 1024
}

fn number_after(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Processor seconds used: by the system on the process' behalf, and by the process.
pub fn cpu_seconds() -> (f64, f64) {
    // Fields 14 and 15 of /proc/self/stat count ticks of a hundredth of a second; the name before
    // them may hold spaces.
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> =
        stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    let ticks = |index: usize| -> f64 {
        fields.get(index).and_then(|field| field.parse().ok()).unwrap_or(0.0) / 100.0
    };
    (ticks(12), ticks(11))
}

/// Name and release of the system, and the machine's architecture.
pub fn system_name() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default().trim().to_string();
    let (kind, release) = (read("/proc/sys/kernel/ostype"), read("/proc/sys/kernel/osrelease"));
    format!("{kind} {release} {}", std::env::consts::ARCH)
}
