//! Who may see and do what; how they prove who they are; the sealing of phone numbers and secrets; signatures.

pub mod credential;
pub mod mask;
pub mod operations;
pub mod password;
pub mod phone;
pub mod second_factor;
pub mod secret;
pub mod sight;
pub mod signature;
pub mod throttle;
