//! What a person is told when something cannot be done: in their language, naming the field and the way out.

use std::fmt;

/// One text in both languages of the interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bilingual {
    /// Chinese, the default.
    pub zh: String,
    /// English.
    pub en: String,
}

impl Bilingual {
    /// Both texts.
    #[must_use]
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { zh: zh.into(), en: en.into() }
    }
}

impl fmt::Display for Bilingual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.zh)
    }
}

/// What went wrong, as far as the asker is concerned; HTTP and the command line map it to their codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// The input breaks the rules of its own form.
    Malformed,
    /// Well-formed input that cannot be acted on.
    Unprocessable,
    /// No such thing, or not for this viewer.
    NotFound,
    /// The present state forbids it.
    Conflict,
    /// The version the asker saw is not the present one.
    Stale,
    /// A version is needed and none was given.
    VersionRequired,
    /// Larger than allowed.
    TooLarge,
    /// Not in a form that is understood.
    UnsupportedMedia,
    /// This thing cannot be treated so by anyone; the detail names what can.
    NotAllowed,
    /// Not for this viewer.
    Forbidden,
    /// Nobody is known to ask.
    NotSignedIn,
    /// More than is answered at a time.
    TooMany,
    /// For the time being.
    Unavailable,
}

/// One bad field of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldFault {
    /// JSON pointer into the body (`/location/lon`), or the query parameter's name.
    pub pointer: String,
    /// What is wrong with its value and what would be right.
    pub detail: Bilingual,
}

/// A complete answer to "why not".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its class.
    pub kind: ProblemKind,
    /// Stable name, the last part of the problem type's URI.
    pub slug: &'static str,
    /// What kind of problem it is.
    pub title: Bilingual,
    /// This occurrence: the value and the way out.
    pub detail: Bilingual,
    /// The fields at fault, where there are any.
    pub fields: Vec<FieldFault>,
    /// Machine-readable particulars, added to the answer as they are.
    pub extra: serde_json::Map<String, serde_json::Value>,
}

impl Problem {
    /// A problem without particulars. `title` and `detail` are (Chinese, English).
    #[must_use]
    pub fn new(kind: ProblemKind, slug: &'static str, title: (&str, &str), detail: (String, String)) -> Self {
        Self {
            kind,
            slug,
            title: Bilingual::new(title.0, title.1),
            detail: Bilingual::new(detail.0, detail.1),
            fields: Vec::new(),
            extra: serde_json::Map::new(),
        }
    }

    /// A malformed input, told by its one bad field.
    #[must_use]
    pub fn bad_field(pointer: impl Into<String>, zh: impl Into<String>, en: impl Into<String>) -> Self {
        let detail = Bilingual::new(zh, en);
        Self {
            kind: ProblemKind::Malformed,
            slug: "bad-field",
            title: Bilingual::new("输入有误", "The input is not valid"),
            detail: detail.clone(),
            fields: vec![FieldFault { pointer: pointer.into(), detail }],
            extra: serde_json::Map::new(),
        }
    }

    /// Something that is not there. `what` is (Chinese, English), as "事件" / "incident".
    #[must_use]
    pub fn not_found(what: (&str, &str), id: impl fmt::Display) -> Self {
        Self::new(
            ProblemKind::NotFound,
            "not-found",
            ("没有找到", "Not found"),
            (format!("没有找到{} {id},请核对编号。", what.0), format!("There is no {} {id}; check its id.", what.1)),
        )
    }

    /// A change to what has moved on since it was seen. `title` is (Chinese, English).
    #[must_use]
    pub fn stale(title: (&str, &str), present: i32, seen: i32) -> Self {
        Self::new(
            ProblemKind::Stale,
            "stale-version",
            title,
            (
                format!("您看到的是第 {seen} 版,现在是第 {present} 版。请刷新后再操作。"),
                format!("You saw version {seen}; it is now at version {present}. Reload it and try again."),
            ),
        )
    }

    /// A change without the version that was seen.
    #[must_use]
    pub fn version_required() -> Self {
        Self::new(
            ProblemKind::VersionRequired,
            "version-required",
            ("需要版本号", "A version is needed"),
            (
                "请带上您看到的版本:expected_version,或 If-Match 请求头。".to_owned(),
                "Send the version you saw as expected_version or If-Match.".to_owned(),
            ),
        )
    }

    /// The same problem with one more field at fault.
    #[must_use]
    pub fn with_field(mut self, pointer: impl Into<String>, zh: impl Into<String>, en: impl Into<String>) -> Self {
        self.fields.push(FieldFault { pointer: pointer.into(), detail: Bilingual::new(zh, en) });
        self
    }

    /// The same problem with one more machine-readable particular.
    #[must_use]
    pub fn with_extra(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.extra.insert(name.to_owned(), value.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.title.zh, self.detail.zh)
    }
}

impl std::error::Error for Problem {}
