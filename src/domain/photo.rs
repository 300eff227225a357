//! Photos of incidents: what they show, how large they may be, why one is refused.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Problem, ProblemKind};

/// Bytes of one file as it is sent.
pub const MOST_BYTES: u64 = 15 << 20;
/// Pixels of one picture as it is sent: a phone of 48 million sends all of them.
pub const MOST_PIXELS: u64 = 50_000_000;
/// Photos of one incident.
pub const MOST_PHOTOS: i64 = 20;
/// Characters of a caption.
pub const MOST_CAPTION: usize = 200;

/// What a photo shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PhotoKind {
    /// 现场: what was found.
    #[default]
    Scene,
    /// 办结: what was done about it.
    Outcome,
}

impl PhotoKind {
    /// The stable code, as stored and as answered.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Scene => "scene",
            Self::Outcome => "outcome",
        }
    }

    /// The word people read, for a stored code.
    #[must_use]
    pub fn zh(code: &str) -> &'static str {
        if code == Self::Outcome.code() { "办结" } else { "现场" }
    }
}

/// Why a file is no photo that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Nothing in it.
    Empty,
    /// Apple's format, which most browsers cannot show.
    Heic,
    /// An animation.
    Gif,
    /// A film.
    Video,
    /// Anything else that is no picture.
    Unknown,
    /// Cut off or not readable.
    Damaged,
    /// More pixels, or more memory to unpack, than is taken.
    TooManyPixels,
}

impl Refusal {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Empty, Self::Heic, Self::Gif, Self::Video, Self::Unknown, Self::Damaged, Self::TooManyPixels];

    /// The stable code, as stored and as answered.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Heic => "heic",
            Self::Gif => "gif",
            Self::Video => "video",
            Self::Unknown => "unknown",
            Self::Damaged => "damaged",
            Self::TooManyPixels => "too_many_pixels",
        }
    }

    /// The one with a code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.code() == code)
    }

    /// What the sender is told.
    #[must_use]
    pub fn problem(self) -> Problem {
        let title = ("照片不能收", "The photo cannot be taken");
        let (kind, slug, zh, en) = match self {
            Self::Empty => (
                ProblemKind::Unprocessable,
                "photo-empty",
                "文件是空的,没有内容。请重新选择照片。".to_owned(),
                "The file is empty; choose the photo again.".to_owned(),
            ),
            Self::Heic => not_taken(
                "这是 HEIC 照片(苹果手机的“高效”格式)。请在手机“设置-相机-格式”选“兼容性最佳”,或另存为 JPEG 再传。",
                "This is a HEIC photo; save it as JPEG.",
            ),
            Self::Gif => not_taken("这是 GIF 动图。请拍照或另存为 JPEG 再传。", "This is a GIF; save it as JPEG."),
            Self::Video => {
                not_taken("这是视频。请改拍照片,或截取画面。", "This is a video; take a photo or a still of it.")
            }
            Self::Unknown => not_taken("这个文件的内容不是照片。", "What the file holds is no photo."),
            Self::Damaged => (
                ProblemKind::Unprocessable,
                "photo-damaged",
                "照片文件不完整或已损坏,读不出来。请重新拍摄或重新选择后再传。".to_owned(),
                "The photo is cut off or damaged and cannot be read; take or choose it again.".to_owned(),
            ),
            Self::TooManyPixels => (
                ProblemKind::Unprocessable,
                "photo-too-many-pixels",
                format!("照片尺寸过大,最多 {} 万像素。请调低拍照分辨率后再传。", MOST_PIXELS / 10_000),
                format!("The photo has too many pixels; at most {} million are taken.", MOST_PIXELS / 1_000_000),
            ),
        };
        Problem::new(kind, slug, title, (zh, en)).with_extra("refusal", self.code())
    }
}

fn not_taken(zh: &str, en: &str) -> (ProblemKind, &'static str, String, String) {
    let most = MOST_BYTES >> 20;
    (
        ProblemKind::UnsupportedMedia,
        "photo-format",
        format!("{zh}只收 JPEG、PNG、WebP,每张不超过 {most} MB。"),
        format!("{en} JPEG, PNG and WebP are taken, up to {most} MB each."),
    )
}

/// The answer to a file that is too large.
#[must_use]
pub fn too_large() -> Problem {
    let most = MOST_BYTES >> 20;
    Problem::new(
        ProblemKind::TooLarge,
        "photo-too-large",
        ("照片不能收", "The photo cannot be taken"),
        (
            format!("文件超过每张 {most} MB 的上限。视频不收;照片请调低分辨率或压缩后再传。只收 JPEG、PNG、WebP。"),
            format!(
                "The file is over the {most} MB a photo may have; make it smaller. JPEG, PNG and WebP are taken, no videos."
            ),
        ),
    )
}

/// The answer to a declared type that is none of those taken.
#[must_use]
pub fn wrong_type(declared: &str) -> Problem {
    let (kind, slug, _, _) = not_taken("", "");
    let shown: String = declared.chars().take(100).collect();
    let zh = if shown.is_empty() {
        "没有写明 Content-Type。".to_owned()
    } else {
        format!("Content-Type 是 {shown}。")
    };
    let en =
        if shown.is_empty() { "No Content-Type is given.".to_owned() } else { format!("Content-Type is {shown}.") };
    Problem::new(
        kind,
        slug,
        ("照片不能收", "The photo cannot be taken"),
        (
            format!("{zh}照片应以 image/jpeg、image/png 或 image/webp 发送。"),
            format!("{en} Send a photo as image/jpeg, image/png or image/webp."),
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::Refusal;

    #[test]
    fn refusals_are_found_by_their_code() {
        for refusal in Refusal::ALL {
            assert_eq!(Refusal::from_code(refusal.code()), Some(refusal));
        }
    }
}
