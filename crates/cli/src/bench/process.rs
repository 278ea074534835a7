//! What the operating system tells about this process.

use rustix::time::{ClockId, clock_gettime};

/// Most memory that was resident at once, in bytes (`VmHWM`); `None` where there is no `/proc`.
pub(super) fn peak_rss_bytes() -> Option<u64> {
    peak_of(&std::fs::read_to_string("/proc/self/status").ok()?)
}

fn peak_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Processor time of all threads so far, in seconds.
pub(super) fn processor_secs() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let whole = u32::try_from(time.tv_sec).map_or(0.0, f64::from);
    whole + u32::try_from(time.tv_nsec).map_or(0.0, f64::from) / 1e9
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
    fn processor_time_goes_on_with_work() {
        let before = processor_secs();
        let mut sum = 0_u64;
        while processor_secs() - before < 0.002 {
            sum = sum.wrapping_mul(31).wrapping_add(7);
        }
        assert!(processor_secs() > before, "{sum}");
    }
}
