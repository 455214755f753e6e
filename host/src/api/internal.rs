//! Requests that extensions make to the API of this process, at `http://ordinaut.internal/`: the same router, without a
//! connection. Who asks is said by the host, beside the request.

use axum::{Router, body::Body};
use http_body_util::BodyExt as _;
use ordinaut_domain::Caller as Agent;
use ordinaut_plugin_host::BoxBody;
use tower::ServiceExt as _;

use super::{caller::InternalCaller, context::Depth, without_trailing_slash};

/// The way in for extensions.
pub(crate) struct InternalApi(Router);

impl InternalApi {
    pub(crate) fn new(router: Router) -> Self {
        Self(router)
    }

    /// Answers a request that `extension` makes in the name of `agent`, or of nobody. `depth` is how many calls of
    /// extensions lie behind it. Bodies are streamed; dropping the future or the answer's body ends the request.
    pub(crate) async fn answer(
        &self,
        extension: &str,
        agent: Option<Agent>,
        depth: u32,
        request: http::Request<BoxBody>,
    ) -> http::Response<BoxBody> {
        let mut request = request.map(Body::new);
        if let Some(uri) = without_trailing_slash(request.uri()) {
            *request.uri_mut() = uri;
        }
        let said = request.extensions_mut();
        said.clear();
        said.insert(Depth(depth));
        if let Some(agent) = agent {
            said.insert(InternalCaller::new(agent, extension));
        }
        let response = match self.0.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        response.map(|body| body.map_err(Into::into).boxed_unsync())
    }
}
