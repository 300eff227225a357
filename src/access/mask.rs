//! What is shown of a person in place of a name or an address.

/// What stands for what is not shown.
pub const HIDDEN: &str = "**";

/// The family name: of 林秀英, 林**.
///
/// ```
/// use yitu::access::mask::name;
/// assert_eq!(name("林秀英"), "林**");
/// assert_eq!(name(""), "");
/// ```
#[must_use]
pub fn name(name: &str) -> String {
    name.chars().next().map_or_else(String::new, |first| format!("{first}{HIDDEN}"))
}

/// An address down to its place, without the number of the house: of 下坑村上厝12号, 下坑村上厝**.
///
/// ```
/// use yitu::access::mask::address;
/// assert_eq!(address("下坑村上厝12号"), "下坑村上厝**");
/// assert_eq!(address("老樟树旁"), "老**");
/// assert_eq!(address(""), "");
/// ```
#[must_use]
pub fn address(address: &str) -> String {
    let shown: String = match address.find(|c: char| c.is_numeric()) {
        Some(at) => address[..at].to_owned(),
        None => address.chars().take(1).collect(),
    };
    if address.is_empty() { shown } else { shown + HIDDEN }
}
