/** The direction of imports, held by a check. @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-orphans', severity: 'error', from: { orphan: true, pathNot: '\\.d\\.ts$' }, to: {} },
    {
      name: 'nobody-imports-programs',
      comment: "server, demo and the simulator's command are started, not imported",
      severity: 'error',
      from: {},
      to: { path: '^src/(server|demo/index|simulator/cli)\\.ts$' },
    },
    {
      name: 'index-is-for-other-programs',
      comment: 'src/index.ts offers what is inside; nothing inside needs it',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^src/index\\.ts$' },
    },
    {
      name: 'index-starts-nothing',
      severity: 'error',
      from: { path: '^src/index\\.ts$' },
      to: { path: '^src/(server|Stopper|demo|simulator|dashboard|client)|node_modules/dotenv/' },
    },
    {
      name: 'app-is-for-the-server',
      severity: 'error',
      from: { pathNot: '^src/(server|nativeServer|index)\\.ts$' },
      to: { path: '^src/app\\.ts$' },
    },
    {
      name: 'services-know-no-http-of-ours',
      severity: 'error',
      from: { path: '^src/services/' },
      to: { path: '^src/(routes|middleware|app|server)|node_modules/(express|multer)/' },
    },
    {
      name: 'views-only-look',
      comment:
        'services are handed to them; the only code of services that they use is what Job.ts and committedOutputs.ts say about a job',
      severity: 'error',
      from: { path: '^src/views/' },
      to: {
        path: '^src/services/',
        pathNot: '^src/services/jobs/(Job|committedOutputs)\\.ts$',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'views-know-no-http',
      severity: 'error',
      from: { path: '^src/views/' },
      to: {
        path: '^src/(routes|middleware|app|server|httpServer|index)|^src/services/index|node_modules/(express|multer)/',
      },
    },
    {
      name: 'endpoints-are-for-the-app',
      comment: 'code that several endpoints need is in src/routes',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(routes/(endpoints|workflowRoutes)|app)\\.ts$' },
      to: { path: '^src/routes/rest/' },
    },
    {
      name: 'workflows-and-schemas-know-no-service',
      severity: 'error',
      from: { path: '^src/(workflows|schemas)/' },
      to: { path: '^src/(services|views|routes|middleware|app|server|simulator|demo)' },
    },
    {
      name: 'comfyui-and-instances-know-no-job',
      severity: 'error',
      from: { path: '^src/services/(comfyui|instances|images)/' },
      to: { path: '^src/(views|services/(jobs|queue|metrics))/' },
    },
    {
      name: 'queue-knows-jobs-as-data',
      comment: 'no ComfyUI, no HTTP, and of jobs only what Job.ts says',
      severity: 'error',
      from: { path: '^src/services/queue/' },
      to: {
        path: '^src/(services|views|routes|middleware|app|server|httpServer)|node_modules/(express|undici|axios|ws)/',
        pathNot: '^src/services/(queue/|jobs/Job\\.ts$)',
      },
    },
    {
      name: 'memory-is-one-choice',
      comment: 'whoever uses a queue gets it handed in',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/services/(factories\\.ts$|queue/memory/)' },
      to: { path: '^src/services/queue/memory/' },
    },
    {
      name: 'comfyui-knows-no-instance',
      severity: 'error',
      from: { path: '^src/services/comfyui/' },
      to: { path: '^src/services/(instances|images)/' },
    },
    {
      name: 'utils-know-nobody',
      severity: 'error',
      from: { path: '^src/(utils|errors|config)' },
      to: { path: '^src/(services|views|routes|middleware|workflows|schemas|app|server|simulator|demo)' },
    },
    {
      name: 'simulator-knows-only-utils',
      severity: 'error',
      from: { path: '^src/simulator/' },
      to: { path: '^src/', pathNot: '^src/(simulator|utils)/' },
    },
    {
      name: 'nobody-knows-the-simulator',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/simulator/' },
      to: { path: '^src/simulator/' },
    },
    {
      name: 'client-runs-anywhere',
      comment: 'types of the schemas, and packages that run in a browser',
      severity: 'error',
      from: { path: '^src/client/' },
      to: { path: '^src/(?!client/)', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'page-knows-only-the-client',
      severity: 'error',
      from: { path: '^src/dashboard/', pathNot: '^src/dashboard/vite\\.config\\.ts$' },
      to: { path: '^src/(?!dashboard/|client/)', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'client-needs-no-node',
      severity: 'error',
      from: { path: '^src/client/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'nobody-in-the-server-needs-the-client',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(client|dashboard)/' },
      to: { path: '^src/client/' },
    },
    {
      name: 'no-package-that-is-not-listed',
      severity: 'error',
      // The page is built into the output: what it is made of is not needed to run the server.
      from: { path: '^src/', pathNot: '^src/dashboard/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown', 'unknown', 'undetermined'] },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'types'] },
  },
};
