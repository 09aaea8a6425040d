//! The dashboard in a browser (Chromium, skipped aloud where it isn't installed).

mod accessibility;
mod browser;
mod cross_site;
mod reading;
mod steering;
