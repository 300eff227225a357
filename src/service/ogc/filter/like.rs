//! `LIKE`: `%` stands for any characters, `_` for one, `\` takes the next as it is.

/// One part of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    Any,
    One,
    This(char),
}

/// A pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Vec<Piece>);

impl Pattern {
    /// Reads a pattern; nothing when it ends in an open escape.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let mut pieces = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            pieces.push(match c {
                '%' => Piece::Any,
                '_' => Piece::One,
                '\\' => Piece::This(chars.next()?),
                c => Piece::This(c),
            });
        }
        Some(Self(pieces))
    }

    /// Whether the whole of a text is like it. O(text × pattern) at worst, without recursion: after a
    /// mismatch it goes back to the last `%` alone.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let (pieces, chars) = (&self.0, text.chars().collect::<Vec<char>>());
        let (mut p, mut t) = (0, 0);
        let mut back: Option<(usize, usize)> = None;
        while t < chars.len() {
            match pieces.get(p) {
                Some(Piece::Any) => {
                    back = Some((p + 1, t));
                    p += 1;
                }
                Some(Piece::One) => (p, t) = (p + 1, t + 1),
                Some(Piece::This(c)) if *c == chars[t] => (p, t) = (p + 1, t + 1),
                _ => match back {
                    Some((after, from)) => {
                        back = Some((after, from + 1));
                        (p, t) = (after, from + 1);
                    }
                    None => return false,
                },
            }
        }
        pieces[p..].iter().all(|p| *p == Piece::Any)
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn is_like() {
        let like = |pattern: &str, text: &str| Pattern::new(pattern).is_some_and(|p| p.matches(text));
        assert!(like("%村", "岭下村") && like("岭_村", "岭下村") && like("%", "") && like("a%b%c", "a-b-b-c"));
        assert!(!like("%村", "岭下村委会") && !like("_", "") && !like("a%b", "a-b-c"));
        assert!(like("100\\%", "100%") && !like("100\\%", "1000"));
        assert!(Pattern::new("open\\").is_none());
    }
}
