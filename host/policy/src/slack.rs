//! More CPU time for what no request waits for.

/// What has met a deadline is run again with twice as much CPU time, up to this many times what it has in service. The same call costs twice
/// the CPU time on a machine with other work, and more where a host lends its processors to others: no start and no swap may fail for that.
/// Loops without end are found as well.
const MOST_SLACK: u32 = 4;

/// Runs `attempt` with 1, 2 and 4 times the CPU time, until it ends otherwise than at a deadline.
pub(crate) fn with_slack<T, E>(
    is_deadline: impl Fn(&E) -> bool,
    mut attempt: impl FnMut(u32) -> Result<T, E>,
) -> Result<T, E> {
    let mut slack = 1;
    loop {
        match attempt(slack) {
            Err(error) if slack < MOST_SLACK && is_deadline(&error) => slack *= 2,
            result => return result,
        }
    }
}
