//! Holds: the system calls them reviews.

use async_trait::async_trait;

use super::{Gentrack, keys};
use crate::backends::Serves;
use crate::backends::gentrack::{map, wire};
use crate::error::Result;
use crate::model::hold::Hold;
use crate::operations::holds::{GetHold, PlaceHold};
use crate::operations::{Context, Operation};

/// `getAccountReview`.
#[async_trait]
impl Serves<GetHold> for Gentrack {
    async fn serve(&self, GetHold { account }: GetHold, cx: &Context) -> Result<Hold> {
        let road = self.road(GetHold::ID, cx);
        let path = ["accounts", &keys::account(&account)?, "review"];
        let reply = road.get(&path, &[], "account").await?;
        let mut hold = self.mapper().hold(&account, &wire::decode(&reply.body)?);
        hold.native = road.native(&reply.body)?;
        Ok(hold)
    }
}

/// `createAccountReview`, never repeated ("Error kinds").
#[async_trait]
impl Serves<PlaceHold> for Gentrack {
    async fn serve(&self, PlaceHold { account, new }: PlaceHold, cx: &Context) -> Result<Hold> {
        let path = ["accounts", &keys::account(&account)?, "review"];
        let body = map::account::new_review(new)?;
        let reply = self
            .road(PlaceHold::ID, cx)
            .post(&path, &body, false, "account")
            .await?;
        super::told(wire::decode(&reply.body).map(|wire| self.mapper().hold(&account, &wire)))
    }
}
