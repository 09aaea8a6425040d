//! The dashboard in a browser (Chromium, skipped aloud where it isn't installed).

mod accessibility;
mod browser;
mod reading;
mod steering;
