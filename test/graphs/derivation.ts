/** Graphs in the shapes that users export, and the manifest that must be derived from each. */
import {
  checkpoint,
  decode,
  emptyLatent,
  encode,
  loadImage,
  node,
  sampler,
  save,
  textToImage,
} from './nodes.js';

export interface DerivationCase {
  readonly name: string;
  /** The file: an object to write as JSON, or text. */
  readonly file: unknown;
  /** By name: the kind, then the targets of the value. */
  readonly inputs: Readonly<Record<string, string>>;
  /** By name: the node. */
  readonly outputs: Readonly<Record<string, string>>;
}

/** The inputs from the default sampler (3) and empty latent (5). */
const SAMPLING = {
  seed: 'seed 3.seed',
  steps: 'integer 3.steps',
  cfg: 'number 3.cfg',
  denoise: 'number 3.denoise',
};
const SIZE = { width: 'integer 5.width', height: 'integer 5.height', batch_size: 'integer 5.batch_size' };
const TEXTS = { prompt: 'text 6.text', negative_prompt: 'text 7.text' };
const IMAGE = { image: '9' };

/** A placeholder in shell syntax. */
const shellVariable = (name: string) => `$\{${name}}`;

const plain: DerivationCase[] = [
  {
    name: 'text to image',
    file: textToImage(),
    inputs: { ...TEXTS, ...SAMPLING, ...SIZE },
    outputs: IMAGE,
  },
  {
    name: 'no _meta at all, and wrapped as for POST /prompt',
    file: {
      prompt: Object.fromEntries(
        Object.entries(textToImage()).map(([id, { class_type, inputs }]) => [id, { class_type, inputs }]),
      ),
      client_id: 'abc',
    },
    inputs: { ...TEXTS, ...SAMPLING, ...SIZE },
    outputs: IMAGE,
  },
  {
    name: 'wrapped as a worker takes it',
    file: { input: { workflow: textToImage(), images: [] } },
    inputs: { ...TEXTS, ...SAMPLING, ...SIZE },
    outputs: IMAGE,
  },
  {
    name: 'beside the same workflow in the interface format',
    file: { workflow: { nodes: [], links: [], version: 0.4 }, prompt: textToImage() },
    inputs: { ...TEXTS, ...SAMPLING, ...SIZE },
    outputs: IMAGE,
  },
  {
    name: 'keys at the top that are no nodes',
    file: { _comment: 'do not edit', settings: { steps: 4 }, version: 1, ...textToImage() },
    inputs: { ...TEXTS, ...SAMPLING, ...SIZE },
    outputs: IMAGE,
  },
  {
    name: 'nodes that are linked the other way round: titles mislead',
    file: textToImage({
      '6': encode('blurry', 'Positive'),
      '7': encode('a castle', 'Negative'),
      '3': sampler({ positive: ['7', 0], negative: ['6', 0] }),
    }),
    inputs: { prompt: 'text 7.text', negative_prompt: 'text 6.text', ...SAMPLING, ...SIZE },
    outputs: IMAGE,
  },
  {
    name: 'nodes outside every output chain',
    file: textToImage({
      '20': loadImage('unused.png'),
      '21': encode('unused'),
      '22': sampler({ seed: 5, positive: ['21', 0], negative: ['21', 0] }),
      '23': node('Note', { text: 'hello' }),
    }),
    inputs: { ...TEXTS, ...SAMPLING, ...SIZE },
    outputs: IMAGE,
  },
  {
    name: 'ids of groups and names, and classes and inputs with odd names',
    file: {
      'load-model': checkpoint(),
      '135:133': node('CLIPTextEncode', { text: 'a fox', clip: ['load-model', 1] }),
      '92:79:76': node('CLIPTextEncode', { text: '', clip: ['load-model', 1] }),
      latent: node('EmptyLatentImage', { width: 64, height: 64, batch_size: 2 }),
      'sämpler 🎲': node('KSampler', {
        seed: 1,
        steps: 4,
        cfg: 1,
        denoise: 1,
        model: ['load-model', 0],
        positive: ['135:133', 0],
        negative: ['92:79:76', 0],
        latent_image: ['latent', 0],
        'odd.name 🦊': { __value__: [1, 2] },
      }),
      d: node('VAEDecode', { samples: ['sämpler 🎲', 0], vae: ['load-model', 2] }),
      out: node('Image Save', { images: ['d', 0], 'output path': '[time(%Y)]' }, '画像を保存'),
    },
    inputs: {
      prompt: 'text 135:133.text',
      negative_prompt: 'text 92:79:76.text',
      seed: 'seed sämpler 🎲.seed',
      steps: 'integer sämpler 🎲.steps',
      cfg: 'number sämpler 🎲.cfg',
      denoise: 'number sämpler 🎲.denoise',
      width: 'integer latent.width',
      height: 'integer latent.height',
      batch_size: 'integer latent.batch_size',
    },
    outputs: { image: 'out' },
  },
];

const files: DerivationCase[] = [
  {
    name: 'image to image',
    file: textToImage({
      '5': undefined,
      '10': loadImage('my photo (1).png [input]'),
      '11': node('VAEEncode', { pixels: ['10', 0], vae: ['4', 2] }),
      '3': sampler({ denoise: 0.8000000000000002, latent_image: ['11', 0] }),
    }),
    inputs: { image: 'image 10.image', ...TEXTS, ...SAMPLING },
    outputs: IMAGE,
  },
  {
    name: 'inpainting with a mask of its own',
    file: textToImage({
      '5': undefined,
      '10': loadImage(),
      '11': node(
        'LoadImageMask',
        { image: 'mask.png', channel: 'red', upload: 'image' },
        'Load Image (as Mask)',
      ),
      '12': node('InpaintModelConditioning', {
        positive: ['6', 0],
        negative: ['7', 0],
        vae: ['4', 2],
        pixels: ['10', 0],
        mask: ['11', 0],
        noise_mask: true,
      }),
      '3': sampler({ positive: ['12', 0], negative: ['12', 1], latent_image: ['12', 2] }),
    }),
    inputs: { image: 'image 10.image', mask: 'mask 11.image', ...TEXTS, ...SAMPLING },
    outputs: IMAGE,
  },
  {
    name: 'two loaders with the same title',
    file: {
      '1': loadImage('a.png'),
      '2': loadImage('b.png'),
      '3': node('ImageBlend', {
        image1: ['1', 0],
        image2: ['2', 0],
        blend_factor: 0.5,
        blend_mode: 'normal',
      }),
      '9': save(['3', 0]),
    },
    inputs: { image: 'image 1.image', image_2: 'image 2.image' },
    outputs: IMAGE,
  },
  {
    name: 'loaders with titles of their own',
    file: {
      '1': loadImage('a.png', 'Reference Face'),
      '2': loadImage('b.png', 'Póse 2'),
      '3': loadImage('c.png', '背景'),
      '4': node('ImageStitch', { image1: ['1', 0], image2: ['2', 0] }),
      '5': node('ImageStitch', { image1: ['4', 0], image2: ['3', 0] }),
      '9': save(['5', 0], 'Final picture'),
    },
    inputs: { reference_face: 'image 1.image', pose_2: 'image 2.image', image: 'image 3.image' },
    outputs: { final_picture: '9' },
  },
  {
    name: 'pictures as base64, sent back by a WebSocket',
    file: {
      '1': node('ETN_LoadImageBase64', { image: '{{image}}' }),
      '2': node('SwarmLoadImageB64', { image_base64: '' }),
      '3': node('ETN_LoadMaskBase64', { mask: '' }),
      '4': node('ImageCompositeMasked', {
        destination: ['1', 0],
        source: ['2', 0],
        mask: ['3', 0],
        x: 0,
        y: 0,
      }),
      '9': node('ETN_SendImageWebSocket', { images: ['4', 0] }),
    },
    inputs: { image: 'image 1.image', image_2: 'image 2.image_base64', mask: 'mask 3.mask' },
    outputs: IMAGE,
  },
  {
    name: 'video and audio in, video out, with leftovers of the interface',
    file: {
      '1': node('VHS_LoadVideo', { video: 'in.mp4', force_rate: 0, 'choose video to upload': 'image' }),
      '2': node('LoadAudio', { audio: 'voice.mp3', audioUI: '' }),
      '9': node(
        'VHS_VideoCombine',
        {
          frame_rate: 16,
          save_output: true,
          images: ['1', 0],
          audio: ['2', 0],
          videopreview: { hidden: false },
        },
        'Video Combine 🎥🅥🅗🅢',
      ),
    },
    inputs: { video: 'video 1.video', audio: 'audio 2.audio', fps: 'number 9.frame_rate' },
    outputs: { video: '9' },
  },
  {
    name: 'a folder on the machine is no upload',
    file: {
      '1': node('VHS_LoadImages', { directory: 'frames', image_load_cap: 0 }),
      '2': node('LoadVideo', { file: 'in.mp4' }),
      '9': node('SaveAnimatedWEBP', { images: ['1', 0], mask: ['2', 0], fps: 6, filename_prefix: 'x' }),
    },
    inputs: { video: 'video 2.file', fps: 'number 9.fps' },
    outputs: IMAGE,
  },
];

const conditioning: DerivationCase[] = [
  {
    name: 'control net between encoders and sampler',
    file: textToImage({
      '10': loadImage('pose.png'),
      '11': node('ControlNetLoader', { control_net_name: 'pose.safetensors' }),
      '12': node('ControlNetApplyAdvanced', {
        positive: ['6', 0],
        negative: ['7', 0],
        control_net: ['11', 0],
        image: ['10', 0],
        strength: 1,
      }),
      '3': sampler({ positive: ['12', 0], negative: ['12', 1] }),
    }),
    inputs: { image: 'image 10.image', ...TEXTS, ...SAMPLING, ...SIZE },
    outputs: IMAGE,
  },
  {
    name: 'a chain of nodes that take and give both, of which one has other slots',
    file: textToImage({
      '10': loadImage('face.png'),
      '12': node('ApplyInstantID', {
        positive: ['6', 0],
        negative: ['7', 0],
        image: ['10', 0],
        model: ['4', 0],
      }),
      '13': node('ControlNetApplyAdvanced', { positive: ['12', 1], negative: ['12', 2], image: ['10', 0] }),
      '3': sampler({ model: ['12', 0], positive: ['13', 0], negative: ['13', 1] }),
    }),
    inputs: { image: 'image 10.image', ...TEXTS, ...SAMPLING, ...SIZE },
    outputs: IMAGE,
  },
  {
    name: 'an unknown node with other slots',
    file: textToImage({
      '12': node('Strange Apply 🦄', { model: ['4', 0], positive: ['6', 0], negative: ['7', 0] }),
      '3': sampler({ model: ['12', 0], positive: ['12', 1], negative: ['12', 2] }),
    }),
    inputs: { ...TEXTS, ...SAMPLING, ...SIZE },
    outputs: IMAGE,
  },
  {
    name: 'outputs of such a node that are crossed',
    file: textToImage({
      '12': node('ControlNetApplyAdvanced', { positive: ['6', 0], negative: ['7', 0] }),
      '3': sampler({ positive: ['12', 1], negative: ['12', 0] }),
    }),
    inputs: { prompt: 'text 7.text', negative_prompt: 'text 6.text', ...SAMPLING, ...SIZE },
    outputs: IMAGE,
  },
  {
    name: 'the negative is the positive, zeroed',
    file: textToImage({
      '7': node('ConditioningZeroOut', { conditioning: ['6', 0] }),
      '26': node('FluxGuidance', { guidance: 3.5, conditioning: ['6', 0] }),
      '3': sampler({ positive: ['26', 0], cfg: 1 }),
    }),
    inputs: {
      prompt: 'text 6.text',
      seed: SAMPLING.seed,
      steps: SAMPLING.steps,
      cfg: SAMPLING.cfg,
      guidance: 'number 26.guidance',
      denoise: SAMPLING.denoise,
      ...SIZE,
    },
    outputs: IMAGE,
  },
  {
    name: 'one encoder for both sides',
    file: textToImage({ '7': undefined, '3': sampler({ negative: ['6', 0] }) }),
    inputs: { prompt: 'text 6.text', ...SAMPLING, ...SIZE },
    outputs: IMAGE,
  },
  {
    name: 'a guider, an encoder with two fields, and a size that is linked',
    file: {
      '5': node('EmptySD3LatentImage', { width: ['34', 0], height: ['35', 0], batch_size: 1 }),
      '6': node('CLIPTextEncodeFlux', { clip: ['11', 0], clip_l: 'a mug', t5xxl: 'a mug', guidance: 3.5 }),
      '8': decode(['13', 0]),
      '9': save(),
      '13': node('SamplerCustomAdvanced', {
        noise: ['25', 0],
        guider: ['22', 0],
        sampler: ['16', 0],
        sigmas: ['17', 0],
        latent_image: ['5', 0],
      }),
      '16': node('KSamplerSelect', { sampler_name: 'euler' }),
      '17': node('BasicScheduler', { scheduler: 'simple', steps: 20, denoise: 1, model: ['12', 0] }),
      '22': node('BasicGuider', { model: ['12', 0], conditioning: ['39', 0] }),
      '25': node('RandomNoise', { noise_seed: 1125899906842624 }),
      '34': node('PrimitiveInt', { value: 1024 }, 'Width'),
      '35': node('PrimitiveInt', { value: 768 }, 'Height'),
      '39': node('ReferenceLatent', { conditioning: ['6', 0], latent: ['5', 0] }),
    },
    inputs: {
      prompt: 'text 6.clip_l + 6.t5xxl',
      seed: 'seed 25.noise_seed',
      steps: 'integer 17.steps',
      guidance: 'number 6.guidance',
      denoise: 'number 17.denoise',
      width: 'integer 34.value',
      height: 'integer 35.value',
      batch_size: 'integer 5.batch_size',
    },
    outputs: IMAGE,
  },
  {
    name: 'CFGGuider, and texts that are links',
    file: {
      '6': node('CLIPTextEncode', { text: ['50', 0], clip: ['4', 1] }),
      '7': node('CLIPTextEncode', { text: ['52', 0], clip: ['4', 1] }),
      '9': save(['13', 0]),
      '13': node('SamplerCustomAdvanced', { noise: ['25', 0], guider: ['22', 0], latent_image: ['5', 0] }),
      '22': node('CFGGuider', { cfg: 3, model: ['4', 0], positive: ['6', 0], negative: ['7', 0] }),
      '25': node('RandomNoise', { noise_seed: 7 }),
      '50': node('StringConcatenate', { string_a: ['51', 0], string_b: ', sharp', delimiter: '' }),
      '51': node('PrimitiveStringMultiline', { value: 'a fox' }, 'What to paint'),
      '52': node('ShowText|pysssss', { text: ['53', 0], text_0: 'left over' }),
      '53': node('PrimitiveString', { value: 'blurry' }),
    },
    inputs: {
      prompt: 'text 51.value',
      negative_prompt: 'text 53.value',
      seed: 'seed 25.noise_seed',
      cfg: 'number 22.cfg',
    },
    outputs: IMAGE,
  },
  {
    name: 'image to video, which takes and gives both and has the size',
    file: {
      '3': sampler({ positive: ['50', 0], negative: ['50', 1], latent_image: ['50', 2] }),
      '6': encode('waves'),
      '7': encode('static'),
      '8': decode(),
      '50': node('WanImageToVideo', {
        width: 832,
        height: 480,
        length: 81,
        batch_size: 1,
        positive: ['6', 0],
        negative: ['7', 0],
        vae: ['4', 0],
        start_image: ['52', 0],
      }),
      '52': loadImage(),
      '57': node('CreateVideo', { fps: 16, images: ['8', 0] }),
      '58': node('SaveVideo', {
        filename_prefix: 'video/x',
        format: 'auto',
        codec: 'auto',
        video: ['57', 0],
      }),
    },
    inputs: {
      image: 'image 52.image',
      ...TEXTS,
      ...SAMPLING,
      width: 'integer 50.width',
      height: 'integer 50.height',
      length: 'integer 50.length',
      batch_size: 'integer 50.batch_size',
      fps: 'number 57.fps',
    },
    outputs: { video: '58' },
  },
  {
    name: 'an editing encoder, whose text is its prompt',
    file: textToImage({
      '6': node('TextEncodeQwenImageEditPlus', {
        prompt: 'make it night',
        clip: ['4', 1],
        image1: ['10', 0],
      }),
      '7': node('TextEncodeQwenImageEditPlus', { prompt: '', clip: ['4', 1], image1: ['10', 0] }),
      '10': loadImage(),
    }),
    inputs: {
      image: 'image 10.image',
      prompt: 'text 6.prompt',
      negative_prompt: 'text 7.prompt',
      ...SAMPLING,
      ...SIZE,
    },
    outputs: IMAGE,
  },
  {
    name: 'both texts in one node',
    file: {
      '1': node('WanVideoTextEncode', { positive_prompt: 'a river', negative_prompt: 'noise', t5: ['4', 0] }),
      '2': node('WanVideoSampler', { steps: 30, cfg: 6, seed: 1057359483639287, text_embeds: ['1', 0] }),
      '9': node('VHS_VideoCombine', { frame_rate: 24, save_output: true, images: ['2', 0] }),
    },
    inputs: {
      prompt: 'text 1.positive_prompt',
      negative_prompt: 'text 1.negative_prompt',
      seed: 'seed 2.seed',
      steps: 'integer 2.steps',
      cfg: 'number 2.cfg',
      fps: 'number 9.frame_rate',
    },
    outputs: { video: '9' },
  },
  {
    name: 'a pipe that carries both sides',
    file: {
      '1': node('ToBasicPipe', { model: ['4', 0], positive: ['6', 0], negative: ['7', 0] }),
      '2': node('FromBasicPipe', { basic_pipe: ['1', 0] }),
      '3': sampler({ positive: ['2', 3], negative: ['2', 4] }),
      '5': emptyLatent(),
      '6': encode('a hut'),
      '7': encode('snow'),
      '8': decode(),
      '9': save(),
    },
    inputs: { ...TEXTS, ...SAMPLING, ...SIZE },
    outputs: IMAGE,
  },
  {
    name: 'two different positive texts',
    file: textToImage({
      '10': node('CLIPTextEncode', { text: 'at night', clip: ['4', 1] }, 'Mood'),
      '11': node('ConditioningCombine', { conditioning_1: ['6', 0], conditioning_2: ['10', 0] }),
      '3': sampler({ positive: ['11', 0] }),
    }),
    inputs: {
      prompt: 'text 6.text',
      mood_prompt: 'text 10.text',
      negative_prompt: 'text 7.text',
      ...SAMPLING,
      ...SIZE,
    },
    outputs: IMAGE,
  },
];

const values: DerivationCase[] = [
  {
    name: 'several seeds and passes',
    file: textToImage({
      '20': node('LatentUpscale', { samples: ['3', 0], width: 1024, height: 1536 }),
      '21': sampler({ seed: 99, steps: 14, denoise: 0.5, latent_image: ['20', 0] }, 'Second pass'),
      '22': decode(['21', 0]),
      '23': save(['22', 0]),
    }),
    inputs: {
      ...TEXTS,
      seed: 'seed 3.seed + 21.seed',
      steps: 'integer 3.steps',
      second_pass_steps: 'integer 21.steps',
      cfg: 'number 3.cfg + 21.cfg',
      denoise: 'number 3.denoise',
      second_pass_denoise: 'number 21.denoise',
      ...SIZE,
    },
    outputs: { image: '23', image_2: '9' },
  },
  {
    name: 'base and refiner with the same texts',
    file: {
      '4': checkpoint(),
      '5': emptyLatent(),
      '6': encode('a lake'),
      '7': encode('text'),
      '10': node('KSamplerAdvanced', {
        add_noise: 'enable',
        noise_seed: 18446744073709552,
        steps: 25,
        cfg: 8,
        start_at_step: 0,
        positive: ['6', 0],
        negative: ['7', 0],
        latent_image: ['5', 0],
      }),
      '11': node('KSamplerAdvanced', {
        add_noise: 'disable',
        noise_seed: 0,
        steps: 25,
        cfg: 8,
        start_at_step: 20,
        positive: ['15', 0],
        negative: ['16', 0],
        latent_image: ['10', 0],
      }),
      '15': encode('a lake'),
      '16': encode('text'),
      '17': decode(['11', 0]),
      '19': save(['17', 0]),
    },
    inputs: {
      prompt: 'text 6.text + 15.text',
      negative_prompt: 'text 7.text + 16.text',
      seed: 'seed 10.noise_seed + 11.noise_seed',
      steps: 'integer 10.steps + 11.steps',
      cfg: 'number 10.cfg + 11.cfg',
      ...SIZE,
    },
    outputs: { image: '19' },
  },
  {
    name: 'seeds of -1 and "randomize", numbers as text, and null',
    file: textToImage({
      '3': sampler({ seed: -1, steps: '20', cfg: '7.5', extra: null }),
      '30': sampler({ seed: 'randomize', steps: 20, cfg: 7.5, latent_image: ['3', 0] }),
      '8': decode(['30', 0]),
    }),
    inputs: {
      ...TEXTS,
      seed: 'seed 3.seed + 30.seed',
      steps: 'integer 3.steps + 30.steps',
      cfg: 'number 3.cfg + 30.cfg',
      denoise: 'number 3.denoise + 30.denoise',
      ...SIZE,
    },
    outputs: IMAGE,
  },
  {
    name: 'placeholders, which must be sent',
    file: textToImage({
      '6': encode('{{prompt}}'),
      '7': encode('%NEGATIVE_PROMPT%'),
      '3': sampler({ seed: '{{seed}}', steps: shellVariable('STEPS') }),
      '9': node('SaveImage', { filename_prefix: shellVariable('JOB_ID'), images: ['8', 0] }),
    }),
    inputs: {
      prompt: 'text! 6.text',
      negative_prompt: 'text! 7.text',
      seed: 'seed 3.seed',
      steps: 'integer! 3.steps',
      cfg: SAMPLING.cfg,
      denoise: SAMPLING.denoise,
      ...SIZE,
    },
    outputs: IMAGE,
  },
  {
    name: 'placeholders of numbers with the names of tokens for files, and null',
    file: textToImage({
      '6': encode('%date%'),
      '3': sampler({ seed: '%seed%', steps: null, cfg: '%counter%' }),
      '5': node('EmptyLatentImage', { width: '%width%', height: ['40', 0], batch_size: 1 }),
      '40': node('PrimitiveInt', { value: '%height%' }),
      '9': node('SaveImage', { filename_prefix: '%seed%', images: ['8', 0] }),
    }),
    inputs: {
      ...TEXTS,
      seed: 'seed 3.seed',
      steps: 'integer! 3.steps',
      cfg: 'number! 3.cfg',
      denoise: SAMPLING.denoise,
      width: 'integer! 5.width',
      height: 'integer! 40.value',
      batch_size: SIZE.batch_size,
    },
    outputs: IMAGE,
  },
  {
    name: 'null seeds',
    file: textToImage({ '3': sampler({ seed: null }) }),
    inputs: { ...TEXTS, ...SAMPLING, ...SIZE },
    outputs: IMAGE,
  },
  {
    name: 'the key of an API, which is nobody’s input',
    file: {
      '1': node('Cloud Image', {
        prompt: 'a cat',
        api_key: 'sk-0123456789abcdef0123',
        auth_token: ['2', 0],
        seed: 4,
      }),
      '2': node('PrimitiveString', { value: 'hunter2' }, 'Prompt'),
      '9': save(['1', 0]),
    },
    inputs: { prompt: 'text 1.prompt', seed: 'seed 1.seed' },
    outputs: IMAGE,
  },
  {
    name: 'a seed from a node of its own',
    file: textToImage({
      '3': sampler({ seed: ['40', 0], steps: ['41', 0] }),
      '40': node('Seed (rgthree)', { seed: 1 }),
      '41': node('Reroute', { '': ['42', 0] }),
      '42': node('PrimitiveInt', { value: 12 }),
    }),
    inputs: {
      ...TEXTS,
      seed: 'seed 40.seed',
      steps: 'integer 42.value',
      cfg: SAMPLING.cfg,
      denoise: SAMPLING.denoise,
      ...SIZE,
    },
    outputs: IMAGE,
  },
];

const outputs: DerivationCase[] = [
  {
    name: 'previews on the way to what is saved',
    file: textToImage({
      '10': node('PreviewImage', { images: ['8', 0] }),
      '11': node('PreviewBridge', { images: ['8', 0], image: 'x.png' }),
      '9': save(['11', 0]),
    }),
    inputs: { ...TEXTS, ...SAMPLING, ...SIZE },
    outputs: IMAGE,
  },
  {
    name: 'previews alone, of which the result comes last',
    file: textToImage({
      '1': node('PreviewImage', { images: ['2', 0] }),
      '2': node('Canny', { image: ['11', 0], low_threshold: 0.4 }),
      '11': loadImage(),
      '12': node('ControlNetApply', { conditioning: ['6', 0], image: ['2', 0], strength: 1 }),
      '3': sampler({ positive: ['12', 0] }),
      '9': node('PreviewImage', { images: ['8', 0] }),
    }),
    inputs: { image: 'image 11.image', ...TEXTS, ...SAMPLING, ...SIZE },
    outputs: { image: '9', image_2: '1' },
  },
  {
    name: 'a caption: text only',
    file: {
      '1': loadImage(),
      '2': node('DownloadAndLoadFlorence2Model', { model: 'microsoft/Florence-2-base', precision: 'fp16' }),
      '3': node('Florence2Run', { text_input: '', task: 'more_detailed_caption', image: ['1', 0], seed: 42 }),
      '4': node('ShowText|pysssss', { text: ['3', 2], text_0: 'a dog' }),
    },
    inputs: { image: 'image 1.image', seed: 'seed 3.seed' },
    outputs: { text: '4' },
  },
  {
    name: 'a song, whose lyrics are an input of their own',
    file: {
      '3': sampler({ positive: ['14', 0], negative: ['44', 0], latent_image: ['17', 0] }),
      '14': node('TextEncodeAceStepAudio', { tags: 'pop, piano', lyrics: '[verse]\nla', lyrics_strength: 1 }),
      '17': node('EmptyAceStepLatentAudio', { seconds: 120, batch_size: 1 }),
      '18': node('VAEDecodeAudio', { samples: ['3', 0] }),
      '44': node('ConditioningZeroOut', { conditioning: ['14', 0] }),
      '59': node(
        'SaveAudioMP3',
        { filename_prefix: 'audio/x', quality: 'V0', audio: ['18', 0] },
        'Save Audio (MP3)',
      ),
    },
    inputs: {
      prompt: 'text 14.tags',
      lyrics: 'text 14.lyrics',
      ...SAMPLING,
      batch_size: 'integer 17.batch_size',
    },
    outputs: { audio: '59' },
  },
  {
    name: 'several kinds of results, a model that is written to the machine, and an image that is only sent',
    file: textToImage({
      '20': node('SaveLatent', { samples: ['3', 0], filename_prefix: 'l' }),
      '21': node('SaveGLB', { mesh: ['8', 0], filename_prefix: 'm' }),
      '22': node('CheckpointSave', { model: ['4', 0], clip: ['4', 1], vae: ['4', 2], filename_prefix: 'c' }),
      '23': node('SaveImageWebsocket', { images: ['8', 0] }),
    }),
    inputs: { ...TEXTS, ...SAMPLING, ...SIZE },
    outputs: { image: '9', latent: '20', model: '21' },
  },
];

export const derivationCases: readonly DerivationCase[] = [
  ...plain,
  ...files,
  ...conditioning,
  ...values,
  ...outputs,
].map((one) => ({ ...one, file: withLoaders(one.file) }));

/** Adds a node for each link to a missing one: the model loaders are the same in all files. */
function withLoaders(file: unknown): unknown {
  if (typeof file !== 'object' || file === null || Array.isArray(file)) return file;
  const entries = Object.entries(file);
  if (!entries.some(([, value]) => typeof value === 'object' && 'class_type' in value)) {
    return Object.fromEntries(entries.map(([key, value]) => [key, withLoaders(value)]));
  }
  const links = [...JSON.stringify(file).matchAll(/\["([^"]+)",\d+\]/g)].map(([, id]) => String(id));
  const missing = links.filter((id) => !(id in file));
  return {
    ...file,
    ...Object.fromEntries(missing.map((id) => [id, node('UNETLoader', { unet_name: 'a.sft' })])),
  };
}
