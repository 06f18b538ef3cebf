//! Accounts and their balance.

use async_trait::async_trait;
use serde_json::value::RawValue;

use super::{Gentrack, keys};
use crate::backends::Serves;
use crate::backends::gentrack::wire;
use crate::error::Result;
use crate::model::Native;
use crate::model::account::{Account, Balance};
use crate::operations::accounts::{GetAccount, GetBalance};
use crate::operations::{Context, Operation};

/// `getAccount`.
#[async_trait]
impl Serves<GetAccount> for Gentrack {
    async fn serve(&self, GetAccount { account }: GetAccount, cx: &Context) -> Result<Account> {
        let reply = self.road(GetAccount::ID, cx).account(&account).await?;
        let mut mapped = self.mapper().account(&account, &wire::decode(&reply.body)?)?;
        for point in mapped.service_points.iter().flatten() {
            self.confirmed.add(point.id.clone());
        }
        if cx.native {
            mapped.native = Some(Native::new(wire::decode::<&RawValue>(&reply.body)?.to_owned()));
        }
        Ok(mapped)
    }
}

/// `getAccountBalance`.
#[async_trait]
impl Serves<GetBalance> for Gentrack {
    async fn serve(&self, GetBalance { account }: GetBalance, cx: &Context) -> Result<Balance> {
        let path = ["accounts", &keys::account(&account)?, "balance"];
        let reply = self.road(GetBalance::ID, cx).get(&path, &[], "account").await?;
        self.mapper().balance(&account, &wire::decode(&reply.body)?)
    }
}
