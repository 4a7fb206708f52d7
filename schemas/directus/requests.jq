# The requests that make the collections of collections.txt in an empty Directus, in order:
# all tables first, then what points from one to another.
def split_words: [splits(" +")] | map(select(. != ""));

# -> {collection, fields: [{name, type, marks}]}
def collections:
  reduce (split("\n")[] | select(test("^[^#]"))) as $line ([];
    if $line | test("^ ") then
      ($line | split_words) as $words
      | .[-1].fields += [{name: $words[0], type: $words[1], marks: $words[2:]}]
    else
      . + [{collection: $line, fields: []}]
    end);

def default:
  first(.marks[] | select(startswith("=")) | .[1:]) // null;

def choices:
  first(.marks[] | select(test("\\|")) | split("|")) // null;

def typed_default:
  . as $field | default
  | if . == null then null
    elif $field.type == "boolean" then . == "true"
    elif $field.type == "integer" then tonumber
    else . end;

def plain_type:
  if .type == "file" or (.type | startswith(">")) then "uuid" else .type end;

def special:
  if .type == "boolean" then ["cast-boolean"]
  elif .type == "json" then ["cast-json"]
  elif .type == "file" then ["file"]
  elif .type | startswith(">") then ["m2o"]
  else null end;

def interface:
  if choices then "select-dropdown"
  elif .type == "file" then "file"
  elif .type | startswith(">") then "select-dropdown-m2o"
  elif .type == "boolean" then "boolean"
  elif .type == "text" then "input-multiline"
  elif .type == "json" then "input-code"
  elif .type == "date" or .type == "timestamp" then "datetime"
  else "input" end;

def column:
  {
    field: .name,
    type: plain_type,
    meta: {
      interface: interface,
      special: special,
      required: (.marks | index("required") != null),
      options: (if choices then {choices: [choices[] | {text: ., value: .}]} else null end)
    },
    schema: (
      {
        default_value: typed_default,
        is_nullable: (.marks | index("required") == null),
        is_unique: (.marks | index("unique") != null)
      }
      + if .type == "decimal" then {numeric_precision: 12, numeric_scale: 2} else {} end)
  };

def id:
  {
    field: "id", type: "uuid",
    meta: {hidden: true, readonly: true, interface: "input", special: ["uuid"]},
    schema: {is_primary_key: true, has_auto_increment: false, is_nullable: false}
  };

def audit($field; $type; $special):
  {
    field: $field, type: $type,
    meta: {hidden: true, readonly: true, special: [$special]},
    schema: {}
  };

def audits:
  audit("user_created"; "uuid"; "user-created"),
  audit("date_created"; "timestamp"; "date-created"),
  audit("user_updated"; "uuid"; "user-updated"),
  audit("date_updated"; "timestamp"; "date-updated");

def is_rows: .type | startswith("<");

def table:
  {
    path: "/collections",
    body: {
      collection,
      meta: {},
      schema: {},
      fields: [id, (.fields[] | select(is_rows | not) | column), audits]
    }
  };

# The alias field on the other side, if the table names one.
def rows_field($all; $collection; $field):
  first($all[] | .collection as $one | .fields[]
    | select(.type == "<\($collection).\($field)") | {one: $one, name}) // null;

def relation($collection; $field; $to; $rows; $on_delete):
  {
    path: "/relations",
    body: {
      collection: $collection, field: $field, related_collection: $to,
      meta: {one_field: $rows, sort_field: null, one_deselect_action: "nullify"},
      schema: {on_delete: $on_delete}
    }
  };

def relations($all):
  .collection as $collection
  | (.fields[]
     | .name as $field
     | if .type == "file" then
         relation($collection; $field; "directus_files"; null; "SET NULL")
       elif .type | startswith(">") then
         rows_field($all; $collection; $field) as $rows
         | relation($collection; $field; .type[1:]; $rows.name; "SET NULL")
       else empty end),
    (("user_created", "user_updated") as $field
     | relation($collection; $field; "directus_users"; null; "SET NULL"));

def rows_fields:
  .collection as $collection
  | .fields[] | select(is_rows)
  | {
      path: "/fields/\($collection)",
      body: {
        field: .name, type: "alias", schema: null,
        meta: {interface: "list-o2m", special: ["o2m"]}
      }
    };

collections as $all
| ($all[] | table), ($all[] | rows_fields), ($all[] | relations($all))
