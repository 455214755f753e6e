//! MCP itself, spoken by rmcp: the one file, beside its transport in [`crate::bridge`], that knows its types.

use std::borrow::Cow;
use std::sync::Arc;

use rmcp::ServerHandler;
#[expect(deprecated, reason = "older revisions have it, and their clients still send it")]
use rmcp::model::SetLevelRequestParams;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, CompleteRequestParams, CompleteResult,
    CompletionInfo, ContentBlock, CustomRequest, CustomResult, DiscoverResult, ErrorCode, ErrorData,
    GetPromptRequestParams, GetPromptResponse, GetPromptResult, Implementation, ListPromptsResult,
    ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, MetaObject, PaginatedRequestParams, Prompt,
    PromptArgument, PromptMessage, ProtocolVersion, ReadResourceRequestParams, ReadResourceResponse,
    ReadResourceResult, Reference as McpReference, Resource, ResourceContents, ResourceTemplate, Role,
    ServerCapabilities, ServerConfig, Tool, ToolAnnotations,
};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::outcome::Outcome;
use crate::registry::{ReadError, Reference, Registry, ResourceInfo, ToolInfo};

/// How long clients may believe lists, in milliseconds. They depend on the caller's scopes, which rarely change.
const LIST_TTL_MS: u64 = 60_000;

/// How long clients may believe what the server says of itself, in milliseconds.
const DISCOVER_TTL_MS: u64 = 300_000;

/// Where a failed call's problem stands.
const ERROR_META: &str = "io.ordinaut/error";

/// Methods with parameters that they cannot be called without: rmcp takes a malformed one for an unknown method.
const WITH_PARAMS: [&str; 4] = ["tools/call", "resources/read", "prompts/get", "completion/complete"];

/// The revisions that are spoken, newest first: those of [`crate::door::VERSIONS`].
static VERSIONS: [ProtocolVersion; 4] = [
    ProtocolVersion::V_2026_07_28,
    ProtocolVersion::V_2025_11_25,
    ProtocolVersion::V_2025_06_18,
    ProtocolVersion::V_2025_03_26,
];

/// An MCP server over a registry.
pub struct Server<R>(R);

impl<R: Registry> Server<R> {
    /// A server for what this registry offers.
    pub fn new(registry: R) -> Self {
        Self(registry)
    }

    fn implementation(&self) -> Implementation {
        let identity = self.0.identity();
        Implementation::new(identity.name, identity.version).with_title(identity.title)
    }

    /// The metadata of a result: who answered, which the modern era wants to be told every time.
    fn meta(&self, context: &RequestContext<RoleServer>) -> Option<MetaObject> {
        is_modern(context).then(|| {
            let mut meta = MetaObject::default();
            let info = serde_json::to_value(self.implementation()).unwrap_or_default();
            meta.0.insert("io.modelcontextprotocol/serverInfo".into(), info);
            meta
        })
    }
}

fn is_modern(context: &RequestContext<RoleServer>) -> bool {
    context
        .protocol_version()
        .is_some_and(|version| version.as_str() >= ProtocolVersion::V_2026_07_28.as_str())
}

impl<R: Registry> ServerHandler for Server<R> {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_completions()
            .enable_prompts()
            .enable_resources()
            .enable_tools()
            .build();
        ServerConfig::new(capabilities)
            .with_protocol_version(ProtocolVersion::V_2025_11_25)
            .with_server_info(self.implementation())
            .with_instructions(self.0.identity().instructions)
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Borrowed(&VERSIONS)
    }

    async fn discover(&self, _: RequestContext<RoleServer>) -> Result<DiscoverResult, ErrorData> {
        let versions = self.supported_protocol_versions().into_owned();
        Ok(DiscoverResult::from_server_info(versions, self.get_info())
            .with_ttl_ms(DISCOVER_TTL_MS)
            .with_cache_scope(CacheScope::Private))
    }

    #[expect(deprecated, reason = "older revisions have it, and their clients still send it")]
    async fn set_level(&self, _: SetLevelRequestParams, context: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        if is_modern(&context) {
            return Err(no_method("logging/setLevel"));
        }
        // Nothing is ever logged to the client, whatever level it wants.
        Ok(())
    }

    async fn list_tools(
        &self,
        page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        check_cursor(page)?;
        let tools = self.0.tools().into_iter().map(tool).collect();
        let mut result = ListToolsResult::with_all_items(tools)
            .with_ttl_ms(LIST_TTL_MS)
            .with_cache_scope(CacheScope::Private);
        result.meta = self.meta(&context);
        Ok(result)
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        let schema = self.0.input_schema(name)?;
        Some(Tool::new(name.to_owned(), "", object(schema)))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        let Some(called) = self.0.call(&request.name, arguments) else {
            let near = self.0.near(&request.name);
            let mut message = format!("Unknown tool: {}", request.name);
            if !near.is_empty() {
                message = format!("{message}. Did you mean {}?", near.join(" or "));
            }
            return Err(ErrorData::invalid_params(message, Some(json!({ "suggestions": near }))));
        };
        let meta = self.meta(&context);
        Ok(match called {
            Ok(outcome) => succeeded(outcome, meta),
            Err(failure) => failed(&failure, meta),
        }
        .into())
    }

    async fn list_resources(
        &self,
        page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        check_cursor(page)?;
        let mut result = ListResourcesResult::with_all_items(self.0.resources().iter().map(resource).collect())
            .with_ttl_ms(LIST_TTL_MS)
            .with_cache_scope(CacheScope::Private);
        result.meta = self.meta(&context);
        Ok(result)
    }

    async fn list_resource_templates(
        &self,
        page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        check_cursor(page)?;
        let templates = self.0.templates().iter().map(template).collect();
        let mut result = ListResourceTemplatesResult::with_all_items(templates)
            .with_ttl_ms(LIST_TTL_MS)
            .with_cache_scope(CacheScope::Private);
        result.meta = self.meta(&context);
        Ok(result)
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let content = self.0.read(&request.uri).map_err(|error| match error {
            ReadError::NotFound => {
                let message = format!("Resource not found: {}", request.uri);
                ErrorData::resource_not_found(message, Some(json!({ "uri": request.uri })))
            }
            ReadError::Failed(failure) => {
                ErrorData::internal_error(failure.text(), Some(Value::Object(failure.problem().clone())))
            }
        })?;
        let contents = ResourceContents::text(content.text, request.uri).with_mime_type(content.mime);
        let mut result = ReadResourceResult::new(vec![contents])
            .with_ttl_ms(0)
            .with_cache_scope(CacheScope::Private);
        result.meta = self.meta(&context);
        Ok(result.into())
    }

    async fn list_prompts(
        &self,
        page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        check_cursor(page)?;
        let prompts = self.0.prompts().into_iter().map(|prompt| {
            let arguments = prompt.arguments.iter().map(|argument| {
                PromptArgument::new(argument.name)
                    .with_description(argument.description)
                    .with_required(argument.required)
            });
            Prompt::new(prompt.name, Some(prompt.description), Some(arguments.collect())).with_title(prompt.title)
        });
        let mut result = ListPromptsResult::with_all_items(prompts.collect())
            .with_ttl_ms(LIST_TTL_MS)
            .with_cache_scope(CacheScope::Private);
        result.meta = self.meta(&context);
        Ok(result)
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        let text = match self.0.prompt(&request.name, &arguments) {
            Some(Ok(text)) => text,
            Some(Err(why)) => return Err(ErrorData::invalid_params(why, None)),
            None => {
                return Err(ErrorData::invalid_params(
                    format!("Unknown prompt: {}", request.name),
                    None,
                ));
            }
        };
        let mut result = GetPromptResult::new(vec![PromptMessage::new_text(Role::User, text)]);
        result.meta = self.meta(&context);
        Ok(result.into())
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let reference = match &request.r#ref {
            McpReference::Resource(template) => Reference::Template(&template.uri),
            McpReference::Prompt(prompt) => Reference::Prompt(&prompt.name),
            _ => return Err(ErrorData::invalid_params("Unknown kind of reference", None)),
        };
        let mut values = self
            .0
            .complete(&reference, &request.argument.name, &request.argument.value);
        let total = u32::try_from(values.len()).unwrap_or(u32::MAX);
        values.truncate(CompletionInfo::MAX_VALUES);
        let more = total as usize > values.len();
        let completion = CompletionInfo::with_pagination(values, Some(total), more)
            .map_err(|error| ErrorData::internal_error(error, None))?;
        let mut result = CompleteResult::new(completion);
        result.meta = self.meta(&context);
        Ok(result)
    }

    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        if WITH_PARAMS.contains(&request.method.as_str()) {
            let message = format!("Invalid params for {}", request.method);
            return Err(ErrorData::invalid_params(message, None));
        }
        Err(no_method(&request.method))
    }
}

fn no_method(method: &str) -> ErrorData {
    ErrorData::new(ErrorCode::METHOD_NOT_FOUND, format!("Method not found: {method}"), None)
}

/// Every list is one page, so no cursor was ever given out.
fn check_cursor(page: Option<PaginatedRequestParams>) -> Result<(), ErrorData> {
    match page.and_then(|page| page.cursor) {
        Some(_) => Err(ErrorData::invalid_params(
            "Invalid cursor: this list is one page and gives out none.",
            None,
        )),
        None => Ok(()),
    }
}

fn object(schema: Value) -> Arc<Map<String, Value>> {
    Arc::new(match schema {
        Value::Object(schema) => schema,
        _ => Map::new(),
    })
}

fn tool(info: ToolInfo) -> Tool {
    let hints = ToolAnnotations::new()
        .read_only(info.hints.read_only)
        .destructive(info.hints.destructive)
        .idempotent(info.hints.idempotent)
        .open_world(info.hints.open_world);
    Tool::new(info.name, info.description, object(info.input))
        .with_title(info.title)
        .with_raw_output_schema(object(info.output))
        .with_annotations(hints)
}

fn succeeded(outcome: Outcome, meta: Option<MetaObject>) -> CallToolResult {
    let mut result = CallToolResult::success(vec![ContentBlock::text(outcome.text)]);
    result.structured_content = Some(Value::Object(outcome.data));
    result.with_meta(meta)
}

/// Text only: a failure has nothing that would fit the output schema.
fn failed(failure: &Failure, meta: Option<MetaObject>) -> CallToolResult {
    let mut meta = meta.unwrap_or_default();
    meta.0
        .insert(ERROR_META.into(), Value::Object(failure.problem().clone()));
    CallToolResult::error(vec![ContentBlock::text(failure.text())]).with_meta(Some(meta))
}

fn resource(info: &ResourceInfo) -> Resource {
    Resource::new(info.uri, info.name)
        .with_title(info.title)
        .with_description(info.description)
        .with_mime_type(info.mime)
}

fn template(info: &ResourceInfo) -> ResourceTemplate {
    ResourceTemplate::new(info.uri, info.name)
        .with_title(info.title)
        .with_description(info.description)
        .with_mime_type(info.mime)
}
