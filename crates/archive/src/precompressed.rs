//! Which files gain nothing from being compressed again.

/// Media types whose content is compressed already, beside most of `image/`, `audio/` and `video/`.
const TYPES: [&str; 16] = [
    "application/zip",
    "application/x-zip-compressed",
    "application/gzip",
    "application/x-gzip",
    "application/x-7z-compressed",
    "application/x-bzip2",
    "application/x-xz",
    "application/zstd",
    "application/vnd.rar",
    "application/x-rar-compressed",
    "application/java-archive",
    "application/epub+zip",
    "application/pdf",
    "application/vnd.android.package-archive",
    "font/woff",
    "font/woff2",
];

/// Beginnings of media types that are zip archives: office documents.
const FAMILIES: [&str; 2] = ["application/vnd.openxmlformats-officedocument.", "application/vnd.oasis.opendocument."];

/// Media types of images, sounds and films that are not compressed.
const PLAIN_MEDIA: [&str; 12] = [
    "image/svg+xml",
    "image/bmp",
    "image/x-ms-bmp",
    "image/tiff",
    "image/x-icon",
    "image/vnd.microsoft.icon",
    "image/vnd.adobe.photoshop",
    "image/x-portable-pixmap",
    "audio/wav",
    "audio/x-wav",
    "audio/aiff",
    "audio/basic",
];

/// Endings of files that are compressed already, where the media type says nothing.
const ENDINGS: [&str; 41] = [
    "7z", "aac", "apk", "avif", "br", "bz2", "docx", "epub", "flac", "gif", "gz", "heic", "heif", "jar", "jpeg", "jpg",
    "lz4", "m4a", "m4v", "mkv", "mov", "mp3", "mp4", "mpeg", "mpg", "odp", "ods", "odt", "ogg", "opus", "pdf", "png",
    "pptx", "rar", "tgz", "webm", "webp", "woff2", "xlsx", "xz", "zip",
];

/// Whether a file of that media type and name is compressed already, so that deflating it would cost time and gain nothing.
pub fn is_precompressed(media_type: &str, name: &str) -> bool {
    let media_type = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let media = ["image/", "audio/", "video/"].iter().any(|family| media_type.starts_with(family));
    if media || TYPES.contains(&media_type.as_str()) || FAMILIES.iter().any(|family| media_type.starts_with(family)) {
        return !PLAIN_MEDIA.contains(&media_type.as_str());
    }
    let says_nothing = matches!(media_type.as_str(), "" | "application/octet-stream" | "binary/octet-stream");
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    says_nothing && ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_decides_and_the_name_where_it_says_nothing() {
        let docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
        for (media_type, name) in
            [("image/jpeg", "a.txt"), ("Video/MP4; codecs=x", "a"), (docx, "a"), ("", "a.ZIP"), ("application/pdf", "")]
        {
            assert!(is_precompressed(media_type, name), "{media_type} {name}");
        }
        for (media_type, name) in [
            ("text/plain", "a.zip"),
            ("image/bmp", "a.jpg"),
            ("image/svg+xml", "a"),
            ("", "zip"),
            ("text/csv", "a.csv"),
        ] {
            assert!(!is_precompressed(media_type, name), "{media_type} {name}");
        }
    }
}
