//! A tar archive that zstd has packed, read whole.

/// Size of a block of the archive, bytes.
const BLOCK: usize = 512;

/// The regular files of an archive in the format `ustar`, with their paths; none if it is broken.
pub(super) fn unpack(packed: &[u8]) -> Option<Vec<(String, Vec<u8>)>> {
    let size = zstd_safe::get_frame_content_size(packed).ok()??;
    let mut archive = Vec::with_capacity(usize::try_from(size).ok()?);
    zstd_safe::decompress(&mut archive, packed).ok()?;
    let (mut files, mut rest) = (Vec::new(), archive.as_slice());
    loop {
        let (head, after) = rest.split_at_checked(BLOCK)?;
        if head[0] == 0 {
            return Some(files);
        }
        let size = usize::from_str_radix(text(&head[124..136]).trim(), 8).ok()?;
        let (content, _) = after.split_at_checked(size)?;
        if head[156] == b'0' {
            let (name, prefix) = (text(&head[..100]), text(&head[345..500]));
            let path = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
            files.push((path.trim_start_matches("./").to_owned(), content.to_owned()));
        }
        rest = after.get(size.next_multiple_of(BLOCK)..)?;
    }
}

/// A field of a head, which ends with its first zero byte.
fn text(field: &[u8]) -> &str {
    let text = field.split(|byte| *byte == 0).next().unwrap_or_default();
    str::from_utf8(text).unwrap_or_default()
}
