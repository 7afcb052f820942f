//! `/v1/accounts/{account}/endpoints/{endpoint}/recover`: failed deliveries, counted and sent again.

pub mod count;
pub mod start;
