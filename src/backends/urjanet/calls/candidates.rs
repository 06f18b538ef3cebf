//! Candidates: what was found and not asked for.

use async_trait::async_trait;
use serde_json::Map;

use super::{BY_ID, Urjanet, attributes, missing, search};
use crate::backends::Serves;
use crate::backends::urjanet::keys;
use crate::error::Result;
use crate::model::account::Account;
use crate::model::enrollment::{CandidateAccount, CandidateMeter};
use crate::model::page::Page;
use crate::operations::candidates::{EnrollCandidate, SearchCandidateAccounts, SearchCandidateMeters};
use crate::operations::{Context, Operation};

#[async_trait]
impl Serves<SearchCandidateAccounts> for Urjanet {
    async fn serve(&self, op: SearchCandidateAccounts, cx: &Context) -> Result<Page<CandidateAccount>> {
        let conditions = search::conditions(search::ACCOUNTS, &op.filters, &self.zone)?;
        self.road(SearchCandidateAccounts::ID, cx)
            .search(&["account", "candidates"], BY_ID, &conditions, &op.paging)
            .await
    }
}

#[async_trait]
impl Serves<SearchCandidateMeters> for Urjanet {
    async fn serve(&self, op: SearchCandidateMeters, cx: &Context) -> Result<Page<CandidateMeter>> {
        let conditions = search::conditions(search::METERS, &op.filters, &self.zone)?;
        // Singular here, plural for accounts.
        self.road(SearchCandidateMeters::ID, cx)
            .search(&["meter", "candidate"], BY_ID, &conditions, &op.paging)
            .await
    }
}

#[async_trait]
impl Serves<EnrollCandidate> for Urjanet {
    async fn serve(&self, op: EnrollCandidate, cx: &Context) -> Result<Account> {
        let mut body = Map::new();
        body.insert("id".to_owned(), (*keys::one(&op.candidate)?).into());
        if !op.custom_attributes.is_empty() {
            body.insert("customAttributes".to_owned(), attributes(&op.custom_attributes));
        }
        self.road(EnrollCandidate::ID, cx)
            .write(&["account", "enrollCandidate"], &body)
            .await
            .map_err(|error| missing(error, "candidate"))
    }
}
