/** Every verb as data: what it takes and how it is used. Help and completion are made of this. */
import { reportVerbs } from './report-verbs.ts';
import { admin, config, json, type Verb } from './verb.ts';

const tenant = [
  '--tenant <name>',
  'whose; unless given listings are of all, and all else of the one that runs the gateway',
] as const;
const clients = [
  config,
  ['--url <url>', 'the gateway, or any server that speaks OpenAI’s API; found by the data folder'],
  ['--key <key>', 'the client key; MILLRACE_KEY, or found in the data folder'],
] as const;

export const usualVerb = 'serve';

export const verbs: readonly Verb[] = [
  {
    name: 'serve',
    summary: 'run the gateway',
    options: [
      config,
      ['-w, --workers <number>', 'how many processes serve, or `auto`: one a core; several need Redis'],
    ],
    examples: [
      ['millrace serve', 'with millrace.yaml if it is here, else with what is found on this machine'],
      ['millrace serve --config gateway.yaml', 'with this configuration'],
      ['millrace serve --workers auto', 'a process for each core, with `shared: redis://…`'],
    ],
  },
  {
    name: 'check',
    summary: 'say everything that is wrong with a configuration',
    options: [config, ['--schema', 'print the JSON Schema of configurations instead'], json],
    examples: [
      ['millrace check --config gateway.yaml', 'every problem with its place'],
      ['millrace check --schema > millrace.schema.json', 'for editors'],
    ],
  },
  {
    name: 'doctor',
    summary: 'examine configuration, machine and upstreams, and say what mends what is wrong',
    options: [config, ['--paid', 'also call models that cost money: one token each'], json],
    examples: [
      ['millrace doctor', 'everything that is free'],
      ['millrace doctor --paid --json', 'everything, for a program'],
    ],
  },
  {
    name: 'init',
    summary: 'write a configuration from what is found on this machine',
    options: [
      ['-o, --output <file>', 'where to; millrace.yaml unless given'],
      ['--force', 'replace a file that is there'],
      json,
    ],
    examples: [
      ['millrace init', 'writes ./millrace.yaml'],
      ['millrace init --output gateway.yaml --force', 'replaces gateway.yaml'],
    ],
  },
  {
    name: 'run',
    summary: 'chat with a model in the terminal',
    words: '<model> [prompt...]',
    options: [
      ...clients,
      ['--system <text>', 'what the model is told first'],
      ['--max-tokens <count>', 'the longest answer'],
    ],
    examples: [
      ['millrace run simulator', 'a conversation; Ctrl-C stops an answer, /bye or Ctrl-D leaves'],
      ['millrace run gemma "Why is the sky blue?"', 'one question'],
      ['cat notes.txt | millrace run gemma "Summarise this:"', 'with a text from a pipe'],
    ],
  },
  {
    name: 'models',
    summary: 'list the models of a running gateway, load them into servers’ memory, or unload them',
    words: '[action] [name]',
    options: [...admin, ['--on <upstream>', 'the server that is to load or unload it'], json],
    examples: [
      ['millrace models', 'names and where they are served'],
      ['millrace models load gemma', 'loads it on every server of its first tier'],
      ['millrace models unload gemma --on gpu-b', 'takes it out of that server’s memory'],
      ['millrace models --json | jq -r ".models[].name"', 'names alone'],
    ],
  },
  {
    name: 'upstreams',
    summary: 'list the upstreams of a running gateway, drain one before it is worked on, resume it',
    words: '[action] [name]',
    options: [...admin, ['--wait', 'for `drain`: until nothing is under way there'], json],
    examples: [
      ['millrace upstreams', 'how they are, and why'],
      ['millrace upstreams drain gpu-b --wait', 'nothing new goes there, its streams go on elsewhere'],
      ['millrace upstreams resume gpu-b', 'it is asked again, at once'],
    ],
  },
  {
    name: 'ps',
    summary: 'list what runs at this moment: models, servers, memory, slots, queues',
    options: [...admin, ['-w, --watch', 'again and again, until interrupted'], json],
    examples: [
      ['millrace ps', 'servers, and the models that work or are loaded on them'],
      ['millrace ps --watch', 'the same, live'],
      ['millrace ps --json', 'for a program'],
    ],
  },
  {
    name: 'queue',
    summary: 'list who waits for a slot, and how long it will take',
    options: [...admin, json],
    examples: [
      ['millrace queue', 'by model and tenant'],
      ['millrace queue --json', 'for a program: with the place of each request'],
    ],
  },
  ...reportVerbs,
  {
    name: 'tenants',
    summary: 'list, make, change and remove tenants: who has people and keys of their own',
    words: '[action] [name]',
    options: [
      ...admin,
      ['--keep-content-days <days>', 'how long prompts and answers are kept; 0, not at all, unless given'],
      ['--active <yes|no>', 'for `change`: no switches it off, with everybody in it'],
      json,
    ],
    examples: [
      ['millrace tenants', 'all of them'],
      ['millrace tenants new acme', 'makes one'],
      ['millrace tenants change acme --active no', 'nobody of it is let in any more'],
    ],
  },
  {
    name: 'teams',
    summary: 'list, make, change and remove the teams of a tenant',
    words: '[action] [name]',
    options: [...admin, tenant, ['--active <yes|no>', 'for `change`'], json],
    examples: [
      ['millrace teams --tenant acme', 'those of one tenant'],
      ['millrace teams new search --tenant acme', 'makes one'],
    ],
  },
  {
    name: 'users',
    summary: 'list, make, change and remove people, and the accounts that programs sign in with',
    words: '[action] [name]',
    options: [
      ...admin,
      tenant,
      ['--role <role>', 'owner, admin, operator, developer, viewer or billing; developer unless given'],
      ['--team <name>', 'the team they are in'],
      ['--service', 'for `new`: an account that a program signs in with'],
      ['--active <yes|no>', 'for `change`: no switches off all their keys'],
      json,
    ],
    examples: [
      ['millrace users new ada@example.org --tenant acme --team search', 'makes one'],
      ['millrace users change ada@example.org --tenant acme --role viewer', 'with every key of theirs'],
      ['millrace users --json', 'everybody, for a program'],
    ],
  },
  {
    name: 'keys',
    summary: 'list keys, show where the first one is; make, rotate, revoke and remove others',
    words: '[action] [name]',
    options: [
      ...admin,
      tenant,
      ['--role <role>', 'developer unless given; never more than its user’s'],
      ['--user <name>', 'whose key it is'],
      ['--team <name>', 'for a key that is nobody’s in particular'],
      ['--models <names>', 'what it is narrowed to, with commas between'],
      ['--routes <names>', 'as openai.chat,openai.models'],
      ['--addresses <networks>', 'as 10.0.0.0/8,192.0.2.7'],
      ['--expires <day>', 'as YYYY-MM-DD in UTC, or never'],
      ['--overlap <hours>', 'for `rotate`: how long the key before opens too; 24 unless given'],
      ['--active <yes|no>', 'for `change`'],
      ['--configuration', 'for `new`: a key and the line for the configuration, stored nowhere'],
      json,
    ],
    examples: [
      ['millrace keys', 'names, tenants and roles; never the keys themselves'],
      ['millrace keys show', 'where the first key is, and how to get another if it is lost'],
      ['millrace keys new ci --models gemma --expires 2027-12-31', 'makes a key, and shows it this once'],
      ['millrace keys rotate ci --overlap 2', 'another in its place; the one before opens two hours more'],
      ['millrace keys revoke ci', 'it opens nothing any more, on any replica'],
      ['millrace keys new alice --configuration', 'makes a key, and the lines that let it in'],
    ],
  },
  {
    name: 'sessions',
    summary: 'list who is signed in to the console, or sign somebody out',
    words: '[action] [id]',
    options: [...admin, tenant, json],
    examples: [
      ['millrace sessions', 'who, since when, and the name of each session'],
      ['millrace sessions end q3Jb0kX4… --tenant acme', 'ends one, on every replica'],
    ],
  },
  {
    name: 'audit',
    summary: 'list what was changed and by whom, and prove that nothing is missing',
    words: '[action]',
    options: [
      ...admin,
      tenant,
      ['--limit <count>', 'for `list`: the newest so many; 50 unless given'],
      ['--since <anchor>', 'for `verify`: NUMBER:DIGEST, from the log of a gateway or an earlier verify'],
      json,
    ],
    examples: [
      ['millrace audit', 'the newest records'],
      ['millrace audit verify', 'exit code 1 when a record was changed or is missing'],
      ['millrace audit verify --since 812:nE2k…', 'and whether record 812 is still what it was'],
    ],
  },
  {
    name: 'alerts',
    summary: 'list who is told when something is wrong, or try whether they can be',
    words: '[action]',
    options: [...admin, json],
    examples: [
      ['millrace alerts', 'what each receiver took, and what not'],
      ['millrace alerts test', 'a test to every receiver; exit code 1 unless all of them take it'],
    ],
  },
  {
    name: 'secrets',
    summary:
      'list, keep and remove secrets in the gateway’s store; bring what is sealed under a new master key',
    words: '[action] [name]',
    options: [...admin, json],
    examples: [
      ['millrace secrets', 'names and dates; never the secrets themselves'],
      [
        'millrace secrets set openai < key.txt',
        'keeps what comes on standard input; `store:openai` refers to it',
      ],
      ['millrace secrets remove openai', 'removes it'],
      [
        'millrace secrets rotate',
        'after a change of `secrets.masterKey`: until none is left under the one before',
      ],
    ],
  },
  {
    name: 'privacy',
    summary: 'hand over, or erase, everything that is kept of a user or a tenant',
    words: '[action] [whose]',
    options: [...admin, ['--yes', 'for `erase`: do it'], json],
    examples: [
      ['millrace privacy export acme/ada > ada.json', 'everything that is kept of ada, as one JSON text'],
      ['millrace privacy export acme > acme.json', 'of a whole tenant with everybody in it, by an owner'],
      ['millrace privacy erase acme/ada --yes', 'and what remains, where and until when'],
      ['millrace privacy erase acme --yes', 'a whole tenant'],
      [
        'millrace privacy show acme/0199aa6e-5f4c-7c3e-9d2a-3f1f6a3c9b10',
        'what was said in an exchange, where the tenant has it kept',
      ],
    ],
  },
  {
    name: 'reload',
    summary: 'let a running gateway read its configuration again',
    options: [...admin, ['--check', 'only say what it would come to'], json],
    examples: [
      ['millrace reload --check', 'what is wrong with what lies on disk now; nothing is changed'],
      ['millrace reload', 'exit code 2 when the configuration is refused; the old one stays in force'],
    ],
  },
  {
    name: 'config',
    summary: 'show the configuration in force, look at another, apply it to all gateways, go back',
    words: '[action] [words...]',
    options: [...admin, ['--force', 'also where it shuts out the key that asks for it'], json],
    examples: [
      ['millrace config', 'as it is written; `config show 3` shows version 3'],
      [
        'millrace config validate new.yaml',
        'everything that is wrong with it; exit code 2 when there is anything',
      ],
      ['millrace config diff new.yaml', 'what it would change'],
      ['millrace config apply new.yaml', 'on all gateways, as a new version; `-` reads it from a pipe'],
      [
        'millrace config set upstreams gpu-b "{ type: ollama, url: http://10.0.0.12:11434 }"',
        'one part of it',
      ],
      ['millrace config unset upstreams gpu-b', 'takes it out again'],
      ['millrace config history', 'who changed what and when'],
      ['millrace config rollback 3', 'puts version 3 in force again'],
    ],
  },
  {
    name: 'budgets',
    summary: 'tell how far each budget is spent',
    options: [
      ...admin,
      ['--tenant <name>', 'of one tenant alone'],
      ['--holder <name>', 'of one holder alone, as acme or acme/ann'],
      json,
    ],
    examples: [['millrace budgets', 'those that anybody has touched since their window began']],
  },
  {
    name: 'bench',
    summary: 'measure a running gateway, or any server that speaks OpenAI’s API',
    words: '[model]',
    options: [
      ...clients,
      ['--rate <perSecond>', 'requests a second, whatever becomes of them; as many as fit unless given'],
      ['--connections <count>', 'at most so many at once; 8 unless given'],
      ['--seconds <count>', 'how long; 10 unless given'],
      ['--prompt <text>', 'what is asked'],
      ['--max-tokens <count>', 'the longest answer; 32 unless given'],
      ['--whole', 'whole answers instead of streams'],
      json,
    ],
    examples: [
      ['millrace bench simulator', 'eight streams at a time for ten seconds'],
      ['millrace bench gemma --rate 5 --seconds 60', 'five requests a second for a minute'],
    ],
  },
  {
    name: 'version',
    summary: 'say which version this is',
    options: [json],
    examples: [['millrace version --json', 'with the runtime and the platform']],
  },
  {
    name: 'completion',
    summary: 'print what makes a shell complete these commands',
    words: '<shell>',
    options: [],
    examples: [
      ['millrace completion bash > /etc/bash_completion.d/millrace', 'for bash'],
      ['millrace completion zsh > ~/.zfunc/_millrace', 'for zsh'],
      ['millrace completion fish > ~/.config/fish/completions/millrace.fish', 'for fish'],
    ],
  },
];
