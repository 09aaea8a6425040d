//! `[pool.NAME.compression]`: which responses are compressed, and how.

use std::ops::RangeInclusive;

use super::media_type::is_name;
use super::read::{Section, Value, excerpt, list};

const COMPRESSION: &str =
    "write `[pool.NAME.compression]` above its keys, or `compression = {}` in the pool for the defaults";
const ALGORITHMS: &str = "write `algorithms = [\"zstd\", \"br\", \"gzip\"]`";
const TYPES: &str = "write `types = [\"text/*\", \"application/json\", \"*+json\"]`";

/// Range of `min_size`.
const MIN_SIZE: RangeInclusive<u64> = 0..=1 << 30;

/// Levels that compress a piece within about a millisecond.
const LEVELS: RangeInclusive<u32> = 1..=6;

/// A content coding that responses can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// RFC 8878.
    Zstd,
    /// RFC 7932.
    Brotli,
    /// RFC 1952.
    Gzip,
}

/// Media types that are compressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaPattern {
    /// This one.
    Exact(Box<str>),
    /// Those that begin so: `text/*`.
    Beginning(Box<str>),
    /// Those that end so: `*+json`.
    Ending(Box<str>),
}

/// How the responses of a pool are compressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompressionConfig {
    /// In the order in which they are preferred; at least one. `algorithms`.
    pub algorithms: Vec<Coding>,
    /// What is compressed. `types`.
    pub types: Vec<MediaPattern>,
    /// A shorter response isn't worth it. `min_size`, 1 KiB.
    pub min_size: u64,
    /// Most responses that are compressed at a time, over all workers. `max_active`, 1,000.
    pub max_active: usize,
    /// `zstd_level`, 3.
    pub zstd_level: u32,
    /// `br_level`, 4.
    pub br_level: u32,
    /// `gzip_level`, 5.
    pub gzip_level: u32,
}

impl Coding {
    /// All of them, in the order in which they are preferred by default.
    pub const ALL: [Self; 3] = [Self::Zstd, Self::Brotli, Self::Gzip];

    /// Its name in `Content-Encoding`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }
}

impl MediaPattern {
    /// Whether it is for this media type, in lower case and without parameters.
    #[must_use]
    pub fn matches(&self, media_type: &str) -> bool {
        match self {
            Self::Exact(known) => **known == *media_type,
            Self::Beginning(beginning) => media_type.starts_with(&**beginning),
            Self::Ending(ending) => media_type.ends_with(&**ending),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        if let Some(ending) = text.strip_prefix("*+") {
            return is_name(ending).then(|| Self::Ending(format!("+{ending}").into()));
        }
        let (kind, rest) = text.split_once('/')?;
        match (is_name(kind), rest) {
            (true, "*") => Some(Self::Beginning(format!("{kind}/").into())),
            (true, rest) if is_name(rest) => Some(Self::Exact(text.into())),
            _ => None,
        }
    }
}

impl Default for CompressionConfig {
    fn default() -> Self {
        const TYPES: [&str; 12] = [
            "text/*",
            "*+json",
            "*+xml",
            "application/json",
            "application/x-ndjson",
            "application/javascript",
            "application/xml",
            "application/wasm",
            "application/vnd.ms-fontobject",
            "font/otf",
            "font/ttf",
            "image/bmp",
        ];
        Self {
            algorithms: Coding::ALL.into(),
            types: TYPES.iter().filter_map(|text| MediaPattern::parse(text)).collect(),
            min_size: 1 << 10,
            max_active: 1_000,
            zstd_level: 3,
            br_level: 4,
            gzip_level: 5,
        }
    }
}

/// Reads the section.
pub(super) fn compression(value: &Value<'_>) -> Option<CompressionConfig> {
    Section::read(value, COMPRESSION, |section| {
        let default = CompressionConfig::default();
        let algorithms =
            section.get("algorithms").map_or(Some(default.algorithms), |value| algorithms(&value));
        let types = section.get("types").map_or(Some(default.types), |value| types(&value));
        let config = CompressionConfig {
            algorithms: Vec::new(),
            types: Vec::new(),
            min_size: section.size("min_size", default.min_size, MIN_SIZE),
            max_active: section.integer("max_active", default.max_active, 1..=1_000_000),
            zstd_level: section.integer("zstd_level", default.zstd_level, LEVELS),
            br_level: section.integer("br_level", default.br_level, LEVELS),
            gzip_level: section.integer("gzip_level", default.gzip_level, LEVELS),
        };
        Some(CompressionConfig { algorithms: algorithms?, types: types?, ..config })
    })
}

fn algorithms(value: &Value<'_>) -> Option<Vec<Coding>> {
    let items = value.items(ALGORITHMS)?;
    if items.is_empty() {
        value.fail("names no algorithm", "name one, or leave `compression` out");
        return None;
    }
    let mut all: Vec<Coding> = Vec::new();
    for item in &items {
        let text = item.string()?;
        let Some(coding) = Coding::ALL.into_iter().find(|coding| coding.name() == text) else {
            let hint = format!("write one of {}", list(Coding::ALL.iter().map(|coding| coding.name())));
            item.fail(format!("`{}` is no algorithm", excerpt(text)), hint);
            return None;
        };
        if all.contains(&coding) {
            item.fail(format!("`{text}` is there twice"), "remove one");
            return None;
        }
        all.push(coding);
    }
    Some(all)
}

fn types(value: &Value<'_>) -> Option<Vec<MediaPattern>> {
    let items = value.items(TYPES)?;
    if items.is_empty() {
        value.fail("names no media type", TYPES);
        return None;
    }
    let patterns: Vec<_> = items.iter().map(media_pattern).collect();
    patterns.into_iter().collect()
}

fn media_pattern(item: &Value<'_>) -> Option<MediaPattern> {
    let text = item.string()?;
    let pattern = MediaPattern::parse(text);
    if pattern.is_none() {
        item.fail(
            format!("`{}` is no media type", excerpt(text)),
            "write one such as `\"application/json\"`, `\"text/*\"` or `\"*+json\"`",
        );
    }
    pattern
}
