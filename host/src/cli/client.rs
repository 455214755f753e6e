//! Talking to a running server: where it is, who we are, and what it said.

use std::{fs, path::PathBuf, time::Duration};

use bytes::Bytes;
use clap::Args;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client as HttpClient, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::{Value, json};

use super::{CliError, Failure};

/// What `cargo xtask up --detach` writes.
const DEV_FILE: &str = ".ordinaut/dev.json";
const DEFAULT_URL: &str = "http://127.0.0.1:8080";
/// What to do when it is not known who asks.
const WHO: &str = "give --client-secret-file with the JSON file that the first start wrote \
    (<data_dir>/bootstrap-admin.json): it holds the id and the secret, so it alone suffices; or set ORDINAUT_CLIENT_ID \
    and ORDINAUT_CLIENT_SECRET (or ORDINAUT_CLIENT_SECRET_FILE), or run where .ordinaut/dev.json is";
const ANSWERED_WITHIN: Duration = Duration::from_secs(30);
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Which server, and as whom. What is not given is taken from `.ordinaut/dev.json`.
#[derive(Args, Clone, Default)]
pub(super) struct ServerArgs {
    /// URL of the server.
    #[arg(long, env = "ORDINAUT_URL")]
    url: Option<String>,
    /// Id or name of the agent; not needed when the secret's file holds it.
    #[arg(long, env = "ORDINAUT_CLIENT_ID")]
    client_id: Option<String>,
    /// File that holds the agent's secret, as text or as JSON with `client_id` and `client_secret`. The JSON file that
    /// the first start writes, `<data_dir>/bootstrap-admin.json`, alone suffices.
    #[arg(long, value_name = "FILE", env = "ORDINAUT_CLIENT_SECRET_FILE")]
    client_secret_file: Option<PathBuf>,
    /// The agent's secret. Only from the environment: arguments can be seen by others.
    #[arg(skip)]
    client_secret: Option<String>,
    /// An access token to use instead of a secret; only from the environment, too.
    #[arg(skip)]
    token: Option<String>,
}

/// A server to talk to.
pub(super) struct Server {
    http: HttpClient<HttpsConnector<HttpConnector>, Full<Bytes>>,
    url: String,
    args: ServerArgs,
}

/// The access token endpoint's answer.
pub(super) struct Token {
    pub access_token: String,
    pub body: Value,
}

impl ServerArgs {
    /// Fills in what the environment and `.ordinaut/dev.json` say.
    pub(super) fn server(&self) -> Result<Server, CliError> {
        let mut args = self.clone();
        args.client_secret = secret_variable("ORDINAUT_CLIENT_SECRET");
        args.token = secret_variable("ORDINAUT_TOKEN");
        // The file speaks of one instance: its credentials are of no use at another URL.
        if let Some(dev) = read_dev_file()?
            && args
                .url
                .as_ref()
                .is_none_or(|url| Some(url.as_str()) == dev["url"].as_str())
        {
            let text = |name: &str| dev[name].as_str().map(ToOwned::to_owned);
            args.url = args.url.or_else(|| text("url"));
            if args.client_id.is_none() && args.client_secret.is_none() && args.client_secret_file.is_none() {
                args.client_id = text("client_id");
                args.client_secret_file = text("client_secret_file").map(PathBuf::from);
            }
        }
        let url = args.url.clone().unwrap_or_else(|| DEFAULT_URL.to_owned());
        let url = url.trim_end_matches('/').to_owned();
        let connector = HttpsConnectorBuilder::new()
            .with_webpki_roots()
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Server {
            http: HttpClient::builder(TokioExecutor::new()).build(connector),
            url,
            args,
        })
    }

    fn secret(&self) -> Result<String, CliError> {
        if let Some(secret) = &self.client_secret {
            return Ok(secret.clone());
        }
        let Some(file) = &self.client_secret_file else {
            return Err(CliError::new(Failure::Usage, format!("no credentials: {WHO}")));
        };
        let read = fs::read_to_string(file);
        let text = read.map_err(|error| CliError::new(Failure::Usage, format!("{}: {error}", file.display())))?;
        let document: Option<Value> = serde_json::from_str(&text).ok();
        let inside = document
            .as_ref()
            .and_then(|document| document["client_secret"].as_str());
        Ok(inside.unwrap_or(text.trim()).to_owned())
    }

    /// The id that was given, or the one that stands beside the secret.
    fn id(&self) -> Result<String, CliError> {
        let beside = || {
            let text = fs::read_to_string(self.client_secret_file.as_ref()?).ok()?;
            let document: Value = serde_json::from_str(&text).ok()?;
            document["client_id"].as_str().map(ToOwned::to_owned)
        };
        self.client_id.clone().or_else(beside).ok_or_else(|| {
            let message = match &self.client_secret_file {
                Some(file) => format!(
                    "no client id: {} holds none; give --client-id, or a JSON file with `client_id` and \
                     `client_secret`, such as the first start writes (<data_dir>/bootstrap-admin.json), which alone \
                     suffices",
                    file.display()
                ),
                None => format!("no client id: give --client-id; or {WHO}"),
            };
            CliError::new(Failure::Usage, message)
        })
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "secrets come from the environment only, and are read here only"
)]
fn secret_variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn read_dev_file() -> Result<Option<Value>, CliError> {
    let Ok(text) = fs::read_to_string(DEV_FILE) else {
        return Ok(None);
    };
    let document = serde_json::from_str(&text);
    document
        .map(Some)
        .map_err(|error| CliError::new(Failure::Usage, format!("{DEV_FILE} is not JSON: {error}")))
}

impl Server {
    /// Exchanges the credentials for a token, with some of its scopes if asked for.
    pub(super) async fn token(&self, scope: Option<&str>) -> Result<Token, CliError> {
        // The secret first: a file that cannot be read holds no id either, but that is not what is wrong.
        let secret = self.args.secret()?;
        let mut request = json!({
            "grant_type": "client_credentials",
            "client_id": self.args.id()?,
            "client_secret": secret,
        });
        if let Some(scope) = scope {
            request["scope"] = scope.into();
        }
        let body = self.send(Method::POST, "/oauth/token", None, Some(&request)).await?;
        let access_token = body["access_token"].as_str().unwrap_or_default().to_owned();
        Ok(Token { access_token, body })
    }

    /// An authenticated GET.
    pub(super) async fn get(&self, path: &str) -> Result<Value, CliError> {
        self.request(Method::GET, path, None).await
    }

    /// An authenticated request.
    pub(super) async fn request(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, CliError> {
        let token = match &self.args.token {
            Some(token) => token.clone(),
            None => self.token(None).await?.access_token,
        };
        self.send(method, path, Some(&token), body).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Value, CliError> {
        let url = format!("{}{path}", self.url);
        let mut request = Request::builder()
            .method(method)
            .uri(&url)
            .header(header::ACCEPT, "application/json");
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let bytes = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        let request = request
            .body(Full::new(bytes))
            .map_err(|error| CliError::new(Failure::Usage, format!("`{url}` is not a URL of a server: {error}")))?;
        let exchange = async {
            let response = self
                .http
                .request(request)
                .await
                .map_err(|error| self.unreachable(&causes(&error)))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
            let body = body.map_err(|error| self.unreachable(&error.to_string()))?.to_bytes();
            Ok::<_, CliError>((status, body))
        };
        let answered = tokio::time::timeout(ANSWERED_WITHIN, exchange).await;
        let (status, body) = answered.map_err(|_| self.unreachable("it did not answer in time"))??;
        let document = serde_json::from_slice(&body).unwrap_or(Value::Null);
        if status.is_success() {
            Ok(document)
        } else {
            Err(refused(status, &document))
        }
    }

    fn unreachable(&self, cause: &str) -> CliError {
        let url = &self.url;
        CliError::new(
            Failure::Unreachable,
            format!(
                "no server answers at {url}: {cause}; start it with `ordinaut serve`, or say where it is with --url"
            ),
        )
    }
}

/// A problem in words.
fn refused(status: StatusCode, problem: &Value) -> CliError {
    let detail = problem["detail"].as_str().unwrap_or("no reason was given");
    let request = problem["request_id"]
        .as_str()
        .map(|id| format!(" [request {id}]"))
        .unwrap_or_default();
    CliError::new(
        Failure::Refused,
        format!("the server refused ({}): {detail}{request}", status.as_u16()),
    )
}

/// An error with everything behind it: the outermost alone says no more than "client error".
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn file(text: &str) -> (tempfile::NamedTempFile, ServerArgs) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let args = ServerArgs {
            client_secret_file: Some(file.path().to_owned()),
            ..ServerArgs::default()
        };
        (file, args)
    }

    #[test]
    fn the_json_file_of_the_first_start_alone_suffices() {
        let (_file, args) = file(r#"{ "client_id": "me", "client_secret": "s" }"#);
        assert_eq!((args.id().unwrap(), args.secret().unwrap()), ("me".into(), "s".into()));
    }

    #[test]
    fn without_credentials_the_error_names_the_file_that_suffices() {
        let (secret_only, args) = file("s\n");
        assert_eq!(args.secret().unwrap(), "s");
        let of_file = args.id().unwrap_err().message;
        assert!(of_file.contains(secret_only.path().to_str().unwrap()), "{of_file}");
        let nothing = ServerArgs::default();
        for message in [
            of_file,
            nothing.id().unwrap_err().message,
            nothing.secret().unwrap_err().message,
        ] {
            assert!(
                message.contains("bootstrap-admin.json") && message.contains("alone"),
                "{message}"
            );
        }
    }
}
