//! Who may see and do what; and the sealing of phone numbers.

pub mod phone;
