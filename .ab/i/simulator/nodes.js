import { cutOut, decodeRgb, encodePng, resize } from './images.js';
/** An exception of a node, as `execution_error` reports it. */
export class NodeException extends Error {
    exceptionType;
    constructor(exceptionType, message) {
        super(message);
        this.exceptionType = exceptionType;
    }
}
const UPSCALE_STEPS = 4;
const MODEL_FACTOR = 4;
const text = (inputs, name) => String(inputs[name]);
// The links were validated before the run, so an image input is a raster.
const raster = (inputs, name) => inputs[name];
async function loaded(bytes, applyExif) {
    try {
        return { values: [await decodeRgb(bytes ?? Buffer.alloc(0), applyExif), undefined] };
    }
    catch {
        throw new NodeException('PIL.UnidentifiedImageError', 'cannot identify image file <_io.BytesIO object at 0x7f0000000000>\n');
    }
}
/** The classes that a ComfyUI set up for this server's workflows has, and a few core ones beside them. */
export function nodeClasses(models) {
    return {
        ETN_LoadImageBase64: {
            required: { image: ['STRING', { multiline: true }] },
            output: ['IMAGE', 'MASK'],
            category: 'external_tooling',
            run: (inputs) => loaded(Buffer.from(text(inputs, 'image'), 'base64'), false),
        },
        LoadImage: {
            required: { image: ['STRING', {}] },
            output: ['IMAGE', 'MASK'],
            category: 'image',
            run: (inputs, context) => loaded(context.readInput(text(inputs, 'image')), true),
        },
        InspyrenetRembg: {
            required: { image: ['IMAGE'], torchscript_jit: [['default', 'on']] },
            output: ['IMAGE', 'MASK'],
            category: 'image',
            run: async (inputs, context) => {
                await context.step(1, 1);
                return { values: [await cutOut(raster(inputs, 'image')), undefined] };
            },
        },
        UpscaleModelLoader: {
            required: { model_name: [[...models]] },
            output: ['UPSCALE_MODEL'],
            category: 'loaders',
            run: async () => ({ values: [{ factor: MODEL_FACTOR }] }),
        },
        ImageUpscaleWithModel: {
            required: { upscale_model: ['UPSCALE_MODEL'], image: ['IMAGE'] },
            output: ['IMAGE'],
            category: 'image/upscaling',
            run: async (inputs, context) => {
                const image = raster(inputs, 'image');
                for (let done = 1; done <= UPSCALE_STEPS; done += 1)
                    await context.step(done, UPSCALE_STEPS);
                return { values: [await resize(image, image.width * MODEL_FACTOR, image.height * MODEL_FACTOR)] };
            },
        },
        ImageScaleBy: {
            required: {
                image: ['IMAGE'],
                upscale_method: [['nearest-exact', 'bilinear', 'area', 'bicubic', 'lanczos']],
                scale_by: ['FLOAT', { default: 1, min: 0.01, max: 8, step: 0.01 }],
            },
            output: ['IMAGE'],
            category: 'image/upscaling',
            run: async (inputs) => {
                const image = raster(inputs, 'image');
                const factor = Number(inputs['scale_by']);
                const side = (length) => Math.max(1, Math.round(length * factor));
                return { values: [await resize(image, side(image.width), side(image.height))] };
            },
        },
        ImageInvert: {
            required: { image: ['IMAGE'] },
            output: ['IMAGE'],
            category: 'image',
            run: async (inputs) => {
                const image = raster(inputs, 'image');
                return { values: [{ ...image, data: image.data.map((value) => 255 - value) }] };
            },
        },
        SaveImage: {
            required: { images: ['IMAGE'], filename_prefix: ['STRING', { default: 'ComfyUI' }] },
            output: [],
            outputNode: true,
            category: 'image',
            run: async (inputs, context) => {
                const png = await encodePng(raster(inputs, 'images'));
                return { values: [], ui: { images: [context.saveOutput(text(inputs, 'filename_prefix'), png)] } };
            },
        },
    };
}
/** The same classes, but images are the bytes that came and stay so: what is measured then is not the simulator. */
export function echoClasses(models) {
    const { ETN_LoadImageBase64, InspyrenetRembg, ImageUpscaleWithModel, SaveImage, ...others } = nodeClasses(models);
    const handOn = async (inputs, context) => {
        await context.step(1, 1);
        return { values: [inputs['image'], undefined] };
    };
    return {
        ...others,
        ETN_LoadImageBase64: {
            ...ETN_LoadImageBase64,
            run: async (inputs) => ({ values: [Buffer.from(text(inputs, 'image'), 'base64'), undefined] }),
        },
        InspyrenetRembg: { ...InspyrenetRembg, run: handOn },
        ImageUpscaleWithModel: { ...ImageUpscaleWithModel, run: handOn },
        SaveImage: {
            ...SaveImage,
            run: async (inputs, context) => {
                const bytes = inputs['images'];
                return { values: [], ui: { images: [context.saveOutput(text(inputs, 'filename_prefix'), bytes)] } };
            },
        },
    };
}
/** One class as `GET /object_info` lists it. */
export function objectInfo(name, node) {
    return {
        input: { required: node.required },
        input_order: { required: Object.keys(node.required) },
        output: node.output,
        output_is_list: node.output.map(() => false),
        output_name: node.output,
        name,
        display_name: name,
        description: '',
        python_module: 'nodes',
        category: node.category,
        output_node: node.outputNode === true,
    };
}
//# sourceMappingURL=nodes.js.map