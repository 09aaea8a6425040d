//! Messages to the service manager (`sd_notify`). Without one, nothing happens.

use sd_notify::NotifyState;

/// The process serves; `status` is what `systemctl status` shows of it.
pub fn serving(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// The configuration is being read again, because the service manager or an operator asked for it.
pub fn reloading() {
    // The time distinguishes this reload from one that was asked for later.
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => {
            tracing::debug!(event = "service-clock-failed", %error, "no time for the service manager")
        }
    }
}

/// The process finishes what runs, and ends.
pub fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("draining")]);
}

/// Another process is the service from now on.
pub fn replaced_by(process: u32) {
    tell(&[NotifyState::MainPid(process)]);
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(event = "service-notify-failed", %error, "cannot tell the service manager");
    }
}
