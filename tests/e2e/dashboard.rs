//! The dashboard in a browser (Chromium, skipped aloud where it isn't installed).

mod accessibility;
mod browser;
mod cross_site;
mod many_backends;
mod many_pages;
mod reading;
mod steering;
