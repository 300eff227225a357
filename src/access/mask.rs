//! Names and addresses as those see them who have no reason to know them: enough to tell one door from the next, not to
//! tell who lives behind it.

use crate::domain::{Layer, Value};

/// What stands for a hidden character.
pub const MARK: char = '*';
/// What a place is called by ends with one of these; what follows them leads to a single door.
const PLACES: [char; 10] = ['村', '组', '屯', '社', '区', '街', '路', '巷', '里', '镇'];

/// The properties of a layer that are hidden from those who may know of a feature but not whom it is about.
#[must_use]
pub fn hidden(layer: Layer) -> &'static [&'static str] {
    match layer {
        Layer::Household => &["name", "address"],
        _ => &[],
    }
}

/// A hidden property's value as it is shown: `张三丰` as `张**`, `上塘村三组12号` as `上塘村三组***`.
#[must_use]
pub fn masked(property: &str, value: &Value) -> Value {
    match value {
        Value::Text(text) if property == "name" => Value::Text(name(text).into()),
        Value::Text(text) => Value::Text(address(text).into()),
        _ => Value::Null,
    }
}

/// The first character alone; how many follow is told up to two, for longer names are few.
#[must_use]
pub fn name(name: &str) -> String {
    let mut characters = name.chars();
    let first: String = characters.next().into_iter().collect();
    first + &characters.take(2).map(|_| MARK).collect::<String>()
}

/// As far as to the smallest place with a name.
#[must_use]
pub fn address(address: &str) -> String {
    let end = address.char_indices().rfind(|(_, c)| PLACES.contains(c)).map(|(at, c)| at + c.len_utf8());
    let place = &address[..end.unwrap_or(0)];
    if place.len() == address.len() { place.to_owned() } else { format!("{place}{}", MARK.to_string().repeat(3)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_first_character() {
        for (whole, shown) in [("张三", "张*"), ("张三丰", "张**"), ("欧阳三丰子", "欧**"), ("张", "张"), ("", "")]
        {
            assert_eq!(name(whole), shown);
        }
    }

    #[test]
    fn an_address_ends_where_it_would_name_a_door() {
        let pairs = [
            ("上塘村三组12号", "上塘村三组***"),
            ("城关镇人民路88号2栋301室", "城关镇人民路***"),
            ("三棵树12号", "***"),
            ("上塘村", "上塘村"),
            ("", ""),
        ];
        for (whole, shown) in pairs {
            assert_eq!(address(whole), shown);
        }
    }
}
