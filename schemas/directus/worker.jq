# The role of one worker with its policy, its rights and its user, from the table of rights.
def rights:
  $rights | split("\n")[] | select(test("^[a-z]")) | [splits(" +")]
  | select(.[0] == $worker)
  | {action: (.[1] | split(",")[]), collection: .[2:][]};

{
  name: "relais \($worker)",
  icon: "smart_toy",
  policies: [{
    policy: {
      name: "relais \($worker)",
      icon: "smart_toy",
      admin_access: false,
      app_access: false,
      permissions: [
        [rights] | unique[] | . + {fields: ["*"], permissions: {}, validation: {}}
      ]
    }
  }],
  users: [{first_name: "Relais", last_name: $worker, email: "relais-\($worker)@example.com"}]
}
