/**
 * What is served where nobody named a model, best first: torchvision's ResNet-50, the ONNX Model Zoo's, and the one that is
 * bundled and needs no network. Workers take the first that they can get, and the API prefers them in this order.
 */
export const defaultModels: readonly string[] = ['resnet50', 'resnet50-zoo', 'efficientnet-lite0'];
