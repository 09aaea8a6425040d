//! The families of a scrape, in their order.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::families::Families;
use super::scrape::Scrape;
use super::{
    access_log, backends, configuration, discovery, limits, listeners, policies, pools, process, tls, traces,
    workers,
};

/// The families with the prefix of the project.
#[derive(Debug)]
pub(super) struct Own(pub(super) Arc<Scrape>);

impl Collector for Own {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (scrape, families) = (&*self.0, &mut Families(encoder));
        if scrape.selection.has_all_pools() {
            configuration::encode(scrape, families)?;
            listeners::encode(scrape, families)?;
            tls::encode(scrape, families)?;
            workers::encode(scrape, families)?;
            access_log::encode(scrape, families)?;
            traces::encode(scrape, families)?;
            discovery::encode(scrape, families)?;
            limits::encode(scrape, families)?;
        }
        pools::encode(scrape, families)?;
        policies::encode(scrape, families)?;
        if scrape.selection.has_backends() {
            backends::encode(scrape, families)?;
        }
        Ok(())
    }
}

/// The families that every process has, under their standard names.
#[derive(Debug)]
pub(super) struct Process(pub(super) Arc<Scrape>);

impl Collector for Process {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        process::encode(&self.0, &mut Families(encoder))
    }
}
