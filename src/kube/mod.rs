//! The cluster: what is asked of it (`render`, pure), what it says (`observe`, pure), what is to be done
//! next (`decide`, pure), and the client. Never touches data.

pub mod client;
pub mod decide;
pub mod names;
pub mod object;
pub mod observe;
pub mod pod;
pub mod policy;
pub mod render;
