//! Who may see and do what; the sealing of phone numbers and secrets; signatures.

pub mod phone;
pub mod secret;
pub mod signature;
