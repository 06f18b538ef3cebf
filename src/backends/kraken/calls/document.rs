//! A bill's document: fetched from its signed address at once, which is neither kept nor handed on.

use async_trait::async_trait;
use http::header::ACCEPT;
use http::uri::Scheme;
use http::{HeaderMap, HeaderValue, Method, Uri};

use super::parts;
use crate::backends::Serves;
use crate::backends::kraken::map::{Owner, filled, present};
use crate::backends::kraken::{Kraken, documents, wire};
use crate::error::{Error, ErrorKind, Result};
use crate::model::bill::{Document, DocumentForm, safe_name};
use crate::operations::bills::GetBillDocument;
use crate::operations::{Context, Operation as _};
use crate::upstream::Call;

#[async_trait]
impl Serves<GetBillDocument> for Kraken {
    async fn serve(&self, operation: GetBillDocument, cx: &Context) -> Result<Document> {
        let [account, bill] = parts(&operation.bill)?;
        let owner = self.owner_of(account)?;
        if !operation.forms.contains(&DocumentForm::Pdf) {
            return Err(Error::new(
                ErrorKind::NotAcceptable,
                "the system gives bills as application/pdf only",
            ));
        }
        let mut refused = None;
        // A signature may end between the answer and the fetch: then a fresh one is asked for, once.
        for _ in 0..2 {
            let (name, url) = self.signed(&owner, &bill, cx).await?;
            match self.fetch(url, cx).await {
                Ok(bytes) if bytes.starts_with(b"%PDF-") => {
                    let name = safe_name(name.as_deref().unwrap_or(&bill), "pdf");
                    return Ok(Document {
                        media_type: DocumentForm::Pdf,
                        name,
                        bytes,
                    });
                }
                Ok(_) => return Err(Error::unreadable("the document", "it is not a PDF")),
                Err(error) if error.kind() == ErrorKind::Refused => refused = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(refused.unwrap_or_else(|| Error::not_found("document")))
    }
}

impl Kraken {
    /// The name and the signed address of a bill's PDF.
    async fn signed(&self, owner: &Owner, bill: &str, cx: &Context) -> Result<(Option<String>, String)> {
        let variables = documents::bill_document::Variables {
            account: owner.number.clone(),
            bill: bill.to_owned(),
        };
        let mut answered = self
            .ask::<documents::BillDocument>(GetBillDocument::ID, variables, cx)
            .await?;
        let account = self.account_in(&mut answered, owner, |account| account.number.as_deref())?;
        let found = account
            .bill
            .ok_or_else(|| answered.missing(&["account", "bill"], Error::not_found("bill")))?;
        if found.id.as_ref().is_some_and(|id| id.0 != bill) {
            return Err(Error::unreadable("account.bill.id", "not the bill asked for").code("integrity"));
        }
        let edges = found.attachments.and_then(|attachments| attachments.edges);
        let attachments = present(edges).filter_map(|edge| edge.node).collect();
        pick(attachments).ok_or_else(|| {
            // While no file exists the address may be missing with an error that says so.
            answered.missing(&["account", "bill", "attachments"], Error::not_found("document"))
        })
    }

    async fn fetch(&self, url: String, cx: &Context) -> Result<bytes::Bytes> {
        if !self.documents.allow(&url) {
            return Err(Error::new(
                ErrorKind::Blocked,
                "the document lies at a host that the configuration does not allow",
            ));
        }
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/pdf"));
        let reply = self
            .files
            .call(Call {
                operation: GetBillDocument::ID,
                may_repeat: true,
                deadline: cx.deadline,
                method: Method::GET,
                url,
                headers,
                body: bytes::Bytes::new(),
                max_reply: Some(self.max_document),
            })
            .await?;
        Ok(reply.body)
    }
}

/// The first attachment that is called a PDF, else the first whose name says nothing of its form.
fn pick(attachments: Vec<wire::Attachment>) -> Option<(Option<String>, String)> {
    let form = |name: &Option<String>| match name.as_deref().and_then(|name| name.rsplit_once('.')) {
        Some((_, extension)) if extension.eq_ignore_ascii_case("pdf") => Some(0),
        Some(_) => None,
        None => Some(1),
    };
    attachments
        .into_iter()
        .filter_map(|attachment| {
            let url = filled(attachment.temporary_url)?;
            let name = filled(attachment.filename);
            Some((form(&name)?, name, url))
        })
        .min_by_key(|(form, _, _)| *form)
        .map(|(_, name, url)| (name, url))
}

/// The hosts that documents may be fetched from.
pub(in crate::backends::kraken) struct Hosts {
    allowed: Vec<(String, u16)>,
}

impl Hosts {
    /// The hosts of an allow-list of `host` or `host:port`; of an empty one, the endpoint's own.
    pub(in crate::backends::kraken) fn new(endpoint: &str, listed: &[String]) -> Result<Self> {
        let wrong = |name: &'static str, text: &str| {
            Error::new(
                ErrorKind::Invalid,
                format!("`{name}`: `{text}` is not a usable address"),
            )
        };
        let own = Uri::try_from(endpoint)
            .ok()
            .as_ref()
            .and_then(place)
            .ok_or_else(|| wrong("endpoint", endpoint))?;
        let mut allowed = Vec::new();
        for text in listed {
            let host = Uri::try_from(format!("https://{text}/"))
                .ok()
                .as_ref()
                .and_then(place)
                .ok_or_else(|| wrong("document_hosts", text))?;
            allowed.push((host.1, host.2));
        }
        if allowed.is_empty() {
            allowed.push((own.1, own.2));
        }
        Ok(Self { allowed })
    }

    /// Whether a document may be fetched from this address: an allowed host and port, over HTTPS unless it is this
    /// machine, without a user in it.
    pub(in crate::backends::kraken) fn allow(&self, url: &str) -> bool {
        let Some((scheme, host, port)) = Uri::try_from(url).ok().as_ref().and_then(place) else {
            return false;
        };
        let safe = scheme == Scheme::HTTPS || (scheme == Scheme::HTTP && is_loopback(&host));
        safe && self.allowed.iter().any(|allowed| *allowed == (host.clone(), port))
    }
}

/// Scheme, host in lower case, and port of an address that names them and nobody's name or password.
fn place(uri: &Uri) -> Option<(Scheme, String, u16)> {
    let scheme = uri.scheme()?.clone();
    let authority = uri.authority()?;
    if authority.as_str().contains('@') || authority.host().is_empty() {
        return None;
    }
    let port = match authority.port_u16() {
        Some(port) => port,
        None if authority.port().is_some() => return None,
        None if scheme == Scheme::HTTPS => 443,
        None if scheme == Scheme::HTTP => 80,
        None => return None,
    };
    Some((scheme, authority.host().to_ascii_lowercase(), port))
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_come_from_allowed_hosts_only() {
        let own = Hosts::new("https://api.k.example/v1/graphql/", &[]).unwrap();
        let local = Hosts::new("http://127.0.0.1:8086/v1/graphql/", &[]).unwrap();
        let listed = Hosts::new(
            "https://api.k.example/v1/graphql/",
            &["files.example".to_owned(), "store.example:8443".to_owned()],
        )
        .unwrap();
        for (hosts, url, allowed) in [
            (&own, "https://api.k.example/bill.pdf?sig=1", true),
            (&own, "https://API.k.example:443/bill.pdf", true),
            (&own, "http://api.k.example/bill.pdf", false),
            (&own, "https://api.k.example:8443/bill.pdf", false),
            (&own, "https://api.k.example@evil.example/bill.pdf", false),
            (&own, "https://api.k.example.evil.example/bill.pdf", false),
            (&own, "https://user@api.k.example/bill.pdf", false),
            (&own, "https://169.254.169.254/latest/meta-data", false),
            (&own, "file:///etc/passwd", false),
            (&own, "/bill.pdf", false),
            (&own, "", false),
            (&local, "http://127.0.0.1:8086/bill.pdf", true),
            (&local, "http://127.0.0.1:8087/bill.pdf", false),
            (&local, "https://api.k.example/bill.pdf", false),
            (&listed, "https://files.example/a.pdf", true),
            (&listed, "https://store.example:8443/a.pdf", true),
            (&listed, "https://store.example/a.pdf", false),
            (&listed, "https://api.k.example/a.pdf", false),
            (&listed, "http://files.example/a.pdf", false),
        ] {
            assert_eq!(hosts.allow(url), allowed, "{url}");
        }
        assert!(Hosts::new("not an address", &[]).is_err());
        assert!(Hosts::new("https://k.example/", &["a b".to_owned()]).is_err());
    }

    #[test]
    fn a_pdf_is_picked_before_what_has_no_name_and_nothing_else_is() {
        let file = |name: Option<&str>, url: Option<&str>| wire::Attachment {
            filename: name.map(str::to_owned),
            temporary_url: url.map(str::to_owned),
        };
        let picked = |files| pick(files).map(|(_, url)| url);
        assert_eq!(
            picked(vec![
                file(Some("bill.xml"), Some("x")),
                file(None, Some("n")),
                file(Some("Bill.PDF"), Some("p")),
                file(Some("second.pdf"), Some("q")),
            ]),
            Some("p".to_owned())
        );
        assert_eq!(
            picked(vec![file(Some("bill.pdf"), None), file(None, Some("n"))]),
            Some("n".to_owned())
        );
        assert_eq!(
            picked(vec![
                file(Some("bill.xml"), Some("x")),
                file(Some("bill.pdf"), Some(" "))
            ]),
            None
        );
        assert_eq!(picked(Vec::new()), None);
    }
}
