//! How many connections there may be, in all and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts connections. What it keeps is bounded by the number of them.
pub(super) struct Crowd {
    most: u32,
    most_of_one: u32,
    now: Mutex<Now>,
}

#[derive(Default)]
struct Now {
    all: u32,
    of_each: HashMap<IpAddr, u32>,
}

/// Which limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// That of all connections.
    All,
    /// That of one address.
    Address,
}

impl Full {
    /// The limit in one word, for metrics.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Address => "address",
        }
    }
}

impl Crowd {
    pub(super) fn new(most: u32, most_of_one: u32) -> Arc<Self> {
        Arc::new(Self {
            most,
            most_of_one,
            now: Mutex::default(),
        })
    }

    /// Counts one more connection of a party, until what is given back is dropped.
    pub(super) fn enter(self: &Arc<Self>, from: IpAddr) -> Result<Guest, Full> {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        if now.all >= self.most {
            return Err(Full::All);
        }
        let of_one = now.of_each.entry(from).or_default();
        if *of_one >= self.most_of_one {
            return Err(Full::Address);
        }
        *of_one += 1;
        now.all += 1;
        drop(now);
        Ok(Guest {
            crowd: Arc::clone(self),
            from,
        })
    }

    fn leave(&self, from: IpAddr) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        now.all = now.all.saturating_sub(1);
        if let Some(of_one) = now.of_each.get_mut(&from) {
            *of_one = of_one.saturating_sub(1);
            if *of_one == 0 {
                now.of_each.remove(&from);
            }
        }
    }
}

/// A connection that is counted.
pub(super) struct Guest {
    crowd: Arc<Crowd>,
    from: IpAddr,
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.crowd.leave(self.from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(crowd: &Arc<Crowd>, addr: &str) -> Result<Guest, Full> {
        crowd.enter(addr.parse().unwrap())
    }

    #[test]
    fn both_limits_hold_and_those_who_leave_make_room() {
        let crowd = Crowd::new(3, 2);
        let one = enter(&crowd, "10.0.0.1").ok().unwrap();
        let _two = enter(&crowd, "10.0.0.1").ok().unwrap();
        assert_eq!(enter(&crowd, "10.0.0.1").err(), Some(Full::Address));
        let three = enter(&crowd, "10.0.0.2").ok().unwrap();
        assert_eq!(enter(&crowd, "10.0.0.3").err(), Some(Full::All));
        drop(one);
        let again = enter(&crowd, "10.0.0.1").ok().unwrap();
        drop((three, again));
        assert_eq!(crowd.now.lock().unwrap().all, 1);
        assert_eq!(crowd.now.lock().unwrap().of_each.len(), 1);
    }
}
