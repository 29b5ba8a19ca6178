// Shows the contract that this server serves. Nothing is sent to a validator
// elsewhere, and keys that are typed in are forgotten with the page.

// sample returns a value that a JSON Schema allows: the first of an
// enumeration, and of an object the members that are required.
function sample(schema, root) {
  if (schema.$ref) {
    const path = schema.$ref.replace(/^#\//, "").split("/");
    return sample(path.reduce((at, name) => at[name], root), root);
  }
  if (schema.examples) return schema.examples[0];
  if ("const" in schema) return schema.const;
  if ("default" in schema) return schema.default;
  if (schema.enum) return schema.enum[0];
  const choice = (schema.oneOf || schema.anyOf || [])[0];
  if (choice) return sample(choice, root);
  switch ([].concat(schema.type)[0]) {
    case "object": {
      const names = schema.required || Object.keys(schema.properties || {}).slice(0, 4);
      return Object.fromEntries(names.map((name) => [name, sample((schema.properties || {})[name] || {}, root)]));
    }
    case "array": return schema.items && schema.minItems ? [sample(schema.items, root)] : [];
    case "integer":
    case "number": return schema.minimum || 0;
    case "boolean": return false;
    case "string": return { date: "2026-03-12", "date-time": "2026-03-12T08:00:00Z" }[schema.format] || "text";
  }
  return null;
}

// agentExamples returns a submission for each agent, by its ID. A server that
// asks for a key does not list its agents here, and then there are none.
async function agentExamples() {
  const list = await fetch("agents");
  if (!list.ok) return {};
  const examples = {};
  for (const { id, title } of (await list.json()).agents) {
    const one = await fetch("agents/" + encodeURIComponent(id));
    if (!one.ok) continue;
    const schema = (await one.json()).input_schema;
    examples[id] = { summary: id + " " + title.en, value: { agent: id, language: "en", input: sample(schema, schema) } };
  }
  return examples;
}

// foldIntroduction puts the introduction behind a line, so that the operations
// are on the first screen.
const foldIntroduction = () => ({
  wrapComponents: {
    InfoContainer: (Original, { React }) => (props) =>
      React.createElement("details", { className: "wrapper", style: { padding: "1em 20px" } },
        React.createElement("summary", { style: { cursor: "pointer" } }, "Spillway: first steps, authentication, errors, limits"),
        React.createElement(Original, props)),
  },
});

async function start() {
  const spec = await (await fetch("openapi.json")).json();
  const body = spec.paths["/jobs"].post.requestBody.content["application/json"];
  Object.assign(body.examples, await agentExamples().catch(() => ({})));
  SwaggerUIBundle({
    spec,
    dom_id: "#api",
    deepLinking: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    displayRequestDuration: true,
    persistAuthorization: false,
    tryItOutEnabled: true,
    validatorUrl: null,
    plugins: [foldIntroduction],
  });
}

start();
