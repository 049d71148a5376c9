//! The counter itself.

/// Reads the processor's time-stamp counter.
///
/// It is not ordered with the instructions around it: while the processor waits for a value that it loads before, from another core for example,
/// it may take the reading early. An instruction that prevents it (`lfence`) would cost as much as the reading itself.
#[inline]
pub(super) fn read() -> u64 {
    // SAFETY: `rdtsc` reads a register. The function is unsafe only because a processor or an operating system may lack or forbid the
    // instruction: every x86-64 processor has it, and Linux allows it unless a process has forbidden it to itself (`PR_SET_TSC`), which then gets
    // SIGSEGV from the system's own clocks as well, because they use it in the process, too.
    unsafe { std::arch::x86_64::_rdtsc() }
}
