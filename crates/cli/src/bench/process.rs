//! What the operating system tells about this process.

/// Most memory that was resident at once, in bytes (`VmHWM`); `None` where there is no `/proc`.
pub(super) fn peak_rss_bytes() -> Option<u64> {
    peak_of(&std::fs::read_to_string("/proc/self/status").ok()?)
}

fn peak_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Processor time of all threads so far, in seconds; `None` where there is no `/proc`.
pub(super) fn processor_secs() -> Option<f64> {
    processor_secs_of(&std::fs::read_to_string("/proc/self/stat").ok()?)
}

fn processor_secs_of(stat: &str) -> Option<f64> {
    // proc_pid_stat(5): after the name in parentheses, fields 14 and 15 are user and system time in ticks, 100 to the
    // second on every Linux that Rust runs on.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut ticks = fields.split_whitespace().skip(11).map(str::parse::<u32>);
    let (user, system) = (ticks.next()?.ok()?, ticks.next()?.ok()?);
    Some((f64::from(user) + f64::from(system)) / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_from_the_status() {
        assert_eq!(peak_of("Name:\tx\nVmPeak:\t  999 kB\nVmHWM:\t    1024 kB\n"), Some(1 << 20));
        assert_eq!(peak_of("Name:\tx\n"), None);
    }

    #[test]
    fn processor_time_is_found_behind_any_name() {
        let stat = "1 (a) (b c) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20";
        assert_eq!(processor_secs_of(stat), Some(3.0));
        assert_eq!(processor_secs_of("1 (a) S 1"), None);
    }
}
