"""One small model of each family with convolutional nets, as the sweep's census tells families."""

TORCHVISION = """
    alexnet convnext_tiny densenet121 fasterrcnn_mobilenet_v3_large_320_fpn fcos_resnet50_fpn
    keypointrcnn_resnet50_fpn maskrcnn_resnet50_fpn retinanet_resnet50_fpn ssd300_vgg16
    ssdlite320_mobilenet_v3_large efficientnet_b0 googlenet inception_v3 maxvit_t mnasnet0_5
    mobilenet_v2 mobilenet_v3_small raft_small regnet_y_400mf resnet18 deeplabv3_mobilenet_v3_large
    fcn_resnet50 lraspp_mobilenet_v3_large shufflenet_v2_x0_5 squeezenet1_1 swin_t vgg11 mvit_v2_s
    mc3_18 s3d swin3d_t vit_b_16
"""

TIMM = """
    eca_botnext26ts_256 test_byobnet coat_tiny convmixer_768_32 test_convnext cpubone_nano csatv2
    cs3darknet_focus_s cspnext_tiny davit_tiny densenet121 dla46x_c dpn48b edgenext_xx_small
    efficientformer_l1 efficientformerv2_s0 test_efficientnet efficientvim_m1 efficientvit_b0
    efficientvit_m0 fasternet_t0 fastvit_t8 focalnet_tiny_srf gcvit_xxtiny ghostnet_050
    hardcorenas_b hgnetv2_b0 hrnet_w18_small iformer_t inception_next_atto inception_resnet_v2
    inception_v3 inception_v4 lcnetv2_small levit_conv_128s lowformer_b0 test_mambaout test_coatnet
    poolformerv2_s12 mobilenetv3_small_050 mobilenetv5_base mobilevit_xxs mvitv2_tiny nasnetalarge
    nextvit_small test_nfnet pnasnet5large pvt_v2_b0 rdnet_tiny regnetx_002 repghostnet_050
    repvit_m1 res2next50 resnest14d test_resnet resnetv2_18 rexnet_100 selecsls42 legacy_seresnet18
    shvit_s1 skresnet18 starnet_s050 swiftformer_xs tiny_vit_5m_224 tresnet_m twins_svt_small vgg11
    visformer_tiny vit_small_r26_s32_224 vitamin_small_224 ese_vovnet19b_slim_dw legacy_xception
    xception41p xcit_nano_12_p8_224
"""

MODELS = [
    *(f"torchvision/{name}" for name in TORCHVISION.split()),
    *(f"timm/{name}" for name in TIMM.split()),
]
