/*
 * Requests signed by botocore (1.44), AWS's own library: requests as they are
 * made for Bedrock and odd ones, drawn by chance. Included once, by
 * test_sigv4.c.
 */
static const struct {
    const char *id;
    const char *secret;
    const char *token;
    const char *region;
    const char *service;
    apr_int64_t when; /* seconds */
    const char *method;
    const char *path;
    const char *query;
    const char *host;
    const char *content_type;
    const char *header; /* one more, and its value */
    const char *value;
    const char *body;
    const char *authorization;
} vectors[] = {
    {"AKIABACCFFCC1FGFF1BD", "/b+bFcbD2DFaF02/aDD1ccE11FF//12+/E0aD1D+", NULL,
     "ap-southeast-2", "bedrock-mantle", 1818302082, "DELETE",
     "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/conver"
     "se",
     NULL, "127.0.0.1:8443", NULL, "X-Amz-Meta-XXa", "  a   b  c ", "",
     "AWS4-HMAC-SHA256 Credential=AKIABACCFFCC1FGFF1BD/20270815/ap"
     "-southeast-2/bedrock-mantle/aws4_request, SignedHeaders=host"
     ";x-amz-date;x-amz-meta-xxa, Signature=fc1ecc0c18b55da695ada4"
     "a93aa4643a6e20674a66c2b5fa8e68ecc38d7be97e"},
    {"AKIA0DG0F212EGB0FD20", "FEEa1b0/2+aE+1F/bbFcb012+ca+FD200b/EbFb2",
     "021E12Ea1E+baE2=1a2Da0=DaaD/DDc1==1cEEEc2=b=b=00+EFD=+=DD1E/"
     "b10Da0cDEDFED0/Fa0ac",
     "eu-central-1", "bedrock-mantle", 2052234016, "POST",
     "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainfe"
     "rence-profile%2Fglobal.x/converse-stream",
     "A%20%20=&aB=9y&A=9&-=%20~9&aB=Z%2FZ~", "127.0.0.1:8443", NULL,
     "X-Amz-Meta-YaY", "  a   b  c ", "b} }a,:\303\251,\012{{\303\251:",
     "AWS4-HMAC-SHA256 Credential=AKIA0DG0F212EGB0FD20/20350112/eu"
     "-central-1/bedrock-mantle/aws4_request, SignedHeaders=host;x"
     "-amz-date;x-amz-meta-yay;x-amz-security-token, Signature=3ab"
     "b6cde2c2106a6d6de4f6550c1c6fdda72b8a7638ca6559103b03f33dc1df"
     "2"},
    {"AKIA320EGBHDC3AHCBGA", "Fc+0FFDDb/EEED/a/cF+/01c+aa21a20/EcFa/0b", NULL,
     "eu-central-1", "bedrock", 1891273087, "POST",
     "/openai/v1/chat/completions", NULL,
     "bedrock-runtime.eu-central-1.amazonaws.com",
     " application/json;   charset=utf-8 ", "X-Amz-Meta-YXb", "  a   b  c ",
     ":cb:\303\251 a,b\303\251b b\": \012,,::,bc {:\"}{\012",
     "AWS4-HMAC-SHA256 Credential=AKIA320EGBHDC3AHCBGA/20291206/eu"
     "-central-1/bedrock/aws4_request, SignedHeaders=content-type;"
     "host;x-amz-date;x-amz-meta-yxb, Signature=6a08202c80c25996d7"
     "b4591e61f8789aefc132dcd5fbbbdf9a5fa6cefc217cbe"},
    {"AKIAG1H3FDDAF3C22CBB", "aE2Da/1caD1/E21E/2/22/c1aEbaD0+F1bcabDED",
     "aFF//DDa2cF=/aDa+D=abbE+1ED2=b0+0c0+bbcE+2=+F1D1c+E/EE+=1a1+"
     "EbD20+2D=0++=aDEa1E0",
     "ap-southeast-2", "bedrock-mantle", 1604775056, "POST", "/", NULL,
     "Host.Example", " application/json;   charset=utf-8 ", NULL, NULL,
     "\012\303\251ba,\303\251c\"\"{c{ ,b:b \"a\012",
     "AWS4-HMAC-SHA256 Credential=AKIAG1H3FDDAF3C22CBB/20201107/ap"
     "-southeast-2/bedrock-mantle/aws4_request, SignedHeaders=cont"
     "ent-type;host;x-amz-date;x-amz-security-token, Signature=e27"
     "6c69bb433a68235a93db12f7d6cfe8d7bc5ff360813d1313caecdb5b2a02"
     "2"},
    {"AKIABC13EA0EF2FEFH1H", "EbE2+1E1bb+2DDac21D2/FF/+FE//FaDac2ab0+F", NULL,
     "us-east-1", "bedrock-mantle", 1681990173, "DELETE", "",
     "B=x%2F&aa=%209%20&-_b=x%2F&B=x%2F&%20=y%2F", "Host.Example", NULL, NULL,
     NULL, "",
     "AWS4-HMAC-SHA256 Credential=AKIABC13EA0EF2FEFH1H/20230420/us"
     "-east-1/bedrock-mantle/aws4_request, SignedHeaders=host;x-am"
     "z-date, Signature=95447cf3f724f280ebd6f5fbd6efd08f702866d1e1"
     "a4f4cb23d8112a5fef0c01"},
    {"AKIAAEB2HE01F0FEGEAG", "ab/1c/F//1/F/b/EacDE0EEEFFF2E++0F/ab/1cD",
     "D=cD2c/2+1F+E0F21a=EaF+c/c=c+D+02+11EDaaDa/cEFaF2/b1/=b2=/2E"
     "=bF=0a2bDc1E1FDc=0c1",
     "eu-central-1", "bedrock-mantle", 1540419440, "POST", "//a//b/", NULL,
     "bedrock-runtime.eu-central-1.amazonaws.com",
     " application/json;   charset=utf-8 ", NULL, NULL,
     "\":\303\251}ac{\012,a\303\251 \012,a\012},c  ac}\303\251 a\303"
     "\251 :\",\303\251",
     "AWS4-HMAC-SHA256 Credential=AKIAAEB2HE01F0FEGEAG/20181024/eu"
     "-central-1/bedrock-mantle/aws4_request, SignedHeaders=conten"
     "t-type;host;x-amz-date;x-amz-security-token, Signature=22f8f"
     "219aacba40379a98985506f8110f17a4ab567bbda777832c898baee109e"},
    {"AKIACAHBDBBA3H33EGBF", "/++Fca1/bc2EFb1020++0+Dabab+0FF+00F1c+bb", NULL,
     "eu-central-1", "bedrock-mantle", 1456465998, "POST", "/a/./b/../c", NULL,
     "bedrock-runtime.eu-central-1.amazonaws.com", NULL, "X-Amz-Meta-baY",
     "  a   b  c ", "b{a:{a \303\251",
     "AWS4-HMAC-SHA256 Credential=AKIACAHBDBBA3H33EGBF/20160226/eu"
     "-central-1/bedrock-mantle/aws4_request, SignedHeaders=host;x"
     "-amz-date;x-amz-meta-bay, Signature=1c12b54d7ef30ca115ce8be3"
     "7dce61ec647b0eb0e827807788200ede4b4dcb8d"},
    {"AKIAEFGF1ECE3FHD0A0D", "0+D0Dc0Ec/F12Da0F0+/++F022DED+aFcbb2/D0b",
     "/==E=2=+EEbcc==DE0000/+01ca212EF/E/0=caab1=Fbb11b+=0F+cbE2/E"
     "Eab=EEab+ac0ccDbcDc/",
     "ap-southeast-2", "bedrock", 1467927195, "POST", "/a/..", "aA-=%2F",
     "bedrock-runtime.ap-southeast-2.amazonaws.com", "application/json", NULL,
     NULL, "c,b}:}\303\251b\" \"\303\251c\303\251 :a\012,b}",
     "AWS4-HMAC-SHA256 Credential=AKIAEFGF1ECE3FHD0A0D/20160707/ap"
     "-southeast-2/bedrock/aws4_request, SignedHeaders=content-typ"
     "e;host;x-amz-date;x-amz-security-token, Signature=9c9574f2a5"
     "67c7b765b4c6632aa8bccab571e3f3b6bc84ede6c644dbb5cd4edb"},
    {"AKIA1AAD100C10DHG2DD", "2Fcb0+2+1a1E++b+0+2+00bEF/20020ccb/FED++", NULL,
     "us-east-1", "bedrock", 2114777335, "POST", "/%E2%82%AC/~x_y-z.", NULL,
     "127.0.0.1:8443", NULL, "X-Amz-Meta-aab", "  a   b  c ", "",
     "AWS4-HMAC-SHA256 Credential=AKIA1AAD100C10DHG2DD/20370105/us"
     "-east-1/bedrock/aws4_request, SignedHeaders=host;x-amz-date;"
     "x-amz-meta-aab, Signature=db730bcd34c08c9a25d429b0903eae5651"
     "cc21676d982b096f5117812b689b4a"},
    {"AKIADC0AC11221C21B33", "Fcbbb+cE++Db211+cE+/0D2Dcac0DD/02Eaac//0",
     "+F2ab+F=a2c/aE+cD/a/E0a0DEFD2E0==//aaD+/b10EF/caDDb2caD0aa+0"
     "+=/Fb10a+2DcDEDb1+E1",
     "eu-central-1", "bedrock", 2037586396, "GET", "/model/a:0/converse", NULL,
     "bedrock-runtime.eu-central-1.amazonaws.com", NULL, "X-Amz-Meta-XaX",
     "  a   b  c ", "",
     "AWS4-HMAC-SHA256 Credential=AKIADC0AC11221C21B33/20340727/eu"
     "-central-1/bedrock/aws4_request, SignedHeaders=host;x-amz-da"
     "te;x-amz-meta-xax;x-amz-security-token, Signature=2f1e58ff5b"
     "ff7bf1135b9f1bcd18421593ae68005302b4dc78c6f4df2ce2c713"},
    {"AKIAAEB2100GEDGEHD3B", "E1011Dc1bD1+0cbbF01D11FFaDE1//Db2/bEbEc1", NULL,
     "ap-southeast-2", "bedrock-mantle", 1733379175, "POST", "/a/b/../",
     "A%20B=x%2F0y&%20=y", "127.0.0.1:8443", "application/json",
     "X-Amz-Meta-YYY", "  a   b  c ",
     "c}\012\" ba{\303\251 b\"\":b{\303\251\303\251aa}\":}a{{c",
     "AWS4-HMAC-SHA256 Credential=AKIAAEB2100GEDGEHD3B/20241205/ap"
     "-southeast-2/bedrock-mantle/aws4_request, SignedHeaders=cont"
     "ent-type;host;x-amz-date;x-amz-meta-yyy, Signature=98c06e697"
     "e363d2af6e22ce5df62bbec9b6000a3121a87ad9a77d1e1bb07625e"},
    {"AKIADHEGFCGC123CB102", "2F2/b10EFEFD1FaFDFaDcFab/ba+abED+2ccF1b2",
     "1=1/0Ea1b22+D=1ac1Faab+00b=+ac10E1+0D=/ac/Ec=+c2Eccbb/E/02E0"
     "Ec12/DacE=b=a0+D+=/=",
     "us-east-1", "bedrock-mantle", 1905171266, "POST", "/a b", NULL,
     "127.0.0.1:8443", NULL, NULL, NULL,
     "}\012b\"\"\303\251b:b\303\251\012},\"{:a{\"bb\"a \303\251{b ",
     "AWS4-HMAC-SHA256 Credential=AKIADHEGFCGC123CB102/20300516/us"
     "-east-1/bedrock-mantle/aws4_request, SignedHeaders=host;x-am"
     "z-date;x-amz-security-token, Signature=32d26f869997d486dd32b"
     "58ba0efc8acb5a1a59b81bfcc3dae1fd72df244b9b7"},
    {"AKIACDE3FDFHBC3HD3CF", "D10+bb+DEbE+1/12//11ccE01DaFEca/0F0DcF1+", NULL,
     "eu-central-1", "bedrock", 1833139167, "DELETE",
     "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/conver"
     "se",
     NULL, "127.0.0.1:8443", NULL, NULL, NULL, "",
     "AWS4-HMAC-SHA256 Credential=AKIACDE3FDFHBC3HD3CF/20280202/eu"
     "-central-1/bedrock/aws4_request, SignedHeaders=host;x-amz-da"
     "te, Signature=c8eb3bc83f93797980304a4ca9648dbc53a5488c167385"
     "3add09f3da8093b108"},
    {"AKIA0232B0F0C3DA1FA1", "10/b+ab21/D02E2/EDc/2EED++/+b0FbFEEca1F1",
     "DD/FE===EaF0+EE=a/aD/=++10DFb++2=0F1c=//+/1=bFc=0cc//DEE/=b0"
     "+1cbc/+2ab2+/+b2D+cF",
     "eu-central-1", "bedrock", 1915562022, "POST",
     "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainfe"
     "rence-profile%2Fglobal.x/converse-stream",
     "_=9Z9~&B=0&_BA=&_=y9xx", "bedrock-runtime.eu-central-1.amazonaws.com",
     "application/json", "X-Amz-Meta-YaY", "  a   b  c ",
     "b,\303\251\"\"}}\012, : {::}}\"}",
     "AWS4-HMAC-SHA256 Credential=AKIA0232B0F0C3DA1FA1/20300913/eu"
     "-central-1/bedrock/aws4_request, SignedHeaders=content-type;"
     "host;x-amz-date;x-amz-meta-yay;x-amz-security-token, Signatu"
     "re=9f1bf47f821d0105c208c1c8d0e5469c47598f5a4d140e9ba27aa3ca5"
     "bcdd330"},
    {"AKIA30D33FEF10GHE3FH", "1/FaEE+Fc2F0+00++0b++b/0FFFE2bbac/0//+D1", NULL,
     "us-east-1", "bedrock-mantle", 1534656093, "POST",
     "/openai/v1/chat/completions", NULL,
     "bedrock-runtime.us-east-1.amazonaws.com", NULL, "X-Amz-Meta-aXX",
     "  a   b  c ", " \303\251::a",
     "AWS4-HMAC-SHA256 Credential=AKIA30D33FEF10GHE3FH/20180819/us"
     "-east-1/bedrock-mantle/aws4_request, SignedHeaders=host;x-am"
     "z-date;x-amz-meta-axx, Signature=3a486d1b2f5360b3a0c53cfa668"
     "86a848afe1ec9d4fe12ff00baeb958063d4d8"},
    {"AKIA1CHAA00AHDG0C1D0", "Ea0D+DD12+E/EFFccE01aD+DEFD+/aacFF/c0+DD",
     "F0D+DE/b=1a/2/acEFDa/E==cE2Ebc/c+bDc/0Eb=cbEcb2/2a=F+bcba2Fb"
     "D/Fc+0Ea===Ea/==2=ba",
     "eu-central-1", "bedrock-mantle", 2091182999, "POST", "/", NULL,
     "127.0.0.1:8443", NULL, NULL, NULL,
     "\303\251aa:b\012\012b :: \303\251\303\251cb}\"\303\251}}b",
     "AWS4-HMAC-SHA256 Credential=AKIA1CHAA00AHDG0C1D0/20360407/eu"
     "-central-1/bedrock-mantle/aws4_request, SignedHeaders=host;x"
     "-amz-date;x-amz-security-token, Signature=0efa2d13eb8105c988"
     "93e649364aedf3df337a81b1c2ead1a770f21f2d096fbc"},
    {"AKIAF23GDF2GH1ECBCCB", "+/c2b//b+1D1DF002DD1aE/ED0+DcD0c1b1aED/D", NULL,
     "eu-central-1", "bedrock", 1627830992, "DELETE", "",
     "B=&a=~0&%20a=%2F%20Z&_=%20", "127.0.0.1:8443", "application/json", NULL,
     NULL, "",
     "AWS4-HMAC-SHA256 Credential=AKIAF23GDF2GH1ECBCCB/20210801/eu"
     "-central-1/bedrock/aws4_request, SignedHeaders=content-type;"
     "host;x-amz-date, Signature=89a116e435a2b5867db6f8beab13efc82"
     "110a727dfa3cf5e6ba21f6d104f718e"},
    {"AKIACF3BHCHAGC2E2A3D", "/c022ac2D+1ba0bF/1/DED0bc1E0/2/1+/FE02a/",
     "10c0D+F=1c0Db2E21FEacD0=02ED+F211=F+=D0=/2Ea1DDF2E1=12a2/aEF"
     "cb//F1=+Ea0cFb/+1+cb",
     "us-east-1", "bedrock", 2055095113, "POST", "//a//b/", NULL,
     "127.0.0.1:8443", NULL, "X-Amz-Meta-bXX", "  a   b  c ",
     "}a },\303\251\012},::\012c}b  {a:\303\251",
     "AWS4-HMAC-SHA256 Credential=AKIACF3BHCHAGC2E2A3D/20350214/us"
     "-east-1/bedrock/aws4_request, SignedHeaders=host;x-amz-date;"
     "x-amz-meta-bxx;x-amz-security-token, Signature=66d7dba4946a3"
     "e4dbabc793cc5e268935c6c0935a3698d0fb9d0250c1e12149a"},
    {"AKIABBAB11BFD2EGECED", "b1ab/1+a1/aaE20bD/1D+/D/E0Fbb+0FEFc/bD0D", NULL,
     "ap-southeast-2", "bedrock", 1652130668, "POST", "/a/./b/../c", NULL,
     "Host.Example", "application/json", "X-Amz-Meta-Xbb", "  a   b  c ",
     "},\012}\012\"\"\012},,\012c\",\303\251\012cab",
     "AWS4-HMAC-SHA256 Credential=AKIABBAB11BFD2EGECED/20220509/ap"
     "-southeast-2/bedrock/aws4_request, SignedHeaders=content-typ"
     "e;host;x-amz-date;x-amz-meta-xbb, Signature=122d7b1d04153a05"
     "8b43125b385d0ac89f75ddcd9858e138c05c8a79b4a66fad"},
    {"AKIADGDFFCCG0DDBC2EH", "0aFbDbF2/EED++Da0DbFDD1FE2112cb2D211//E1",
     "/20E+b2Db1111F1DF/F0F0+F2=2bb+FcDc+20bE/b===+0D0++/0E=aF21F="
     "b+FFF0c/1F2bE1F+bc=a",
     "us-east-1", "bedrock", 1499346914, "POST", "/a/..",
     "_=00&a=x%2F%20&aaA=%2F&b=%2F9&a=Z0", "127.0.0.1:8443", NULL,
     "X-Amz-Meta-bbX", "  a   b  c ",
     "{:}b}}{b\303\251b {{}\303\251\"},b,a:a{c:\303\251\",\012\012"
     "c",
     "AWS4-HMAC-SHA256 Credential=AKIADGDFFCCG0DDBC2EH/20170706/us"
     "-east-1/bedrock/aws4_request, SignedHeaders=host;x-amz-date;"
     "x-amz-meta-bbx;x-amz-security-token, Signature=f676df66a31f6"
     "f223a18d6fe50c1613958dfca5afe62aed479719e8e0a3403c9"},
    {"AKIAFDF31332ABBE0FDG", "21/bcc12Dcaa/EFcD00DDcb+c+c/0/ED/Fc2Ea+2", NULL,
     "eu-central-1", "bedrock-mantle", 1793561089, "DELETE",
     "/%E2%82%AC/~x_y-z.", NULL, "Host.Example",
     " application/json;   charset=utf-8 ", NULL, NULL, "",
     "AWS4-HMAC-SHA256 Credential=AKIAFDF31332ABBE0FDG/20261101/eu"
     "-central-1/bedrock-mantle/aws4_request, SignedHeaders=conten"
     "t-type;host;x-amz-date, Signature=3bb6e66dcdc26ca9b60e476c5d"
     "c97d403f89f7164498095b6db96d3eff07449f"},
    {"AKIAFBB3DH1AF2D22032", "F/DbDDbF/2DD11++/c2aFE+ac02aDc+2EF+FcDcc",
     "E+2c/1=/D1=+1+aD1D+1acE/E2/0b+1FDEbD/+=aaEca1F00=1++c=+/+bF1"
     "Dc+/2a/acc//ba+bF/E1",
     "ap-southeast-2", "bedrock-mantle", 1445406603, "POST",
     "/model/a:0/converse", NULL, "127.0.0.1:8443", "application/json",
     "X-Amz-Meta-Xab", "  a   b  c ",
     "b,\" c\"{\303\251}:c},,},\012\012,a ::b:\"\": bb}\012",
     "AWS4-HMAC-SHA256 Credential=AKIAFBB3DH1AF2D22032/20151021/ap"
     "-southeast-2/bedrock-mantle/aws4_request, SignedHeaders=cont"
     "ent-type;host;x-amz-date;x-amz-meta-xab;x-amz-security-token"
     ", Signature=c0c61fa76178feca721eff933f4a286f20b443c260030603"
     "08307fd47d742b94"},
    {"AKIAH1B312CHEADCB3AF", "b00EcF2+cc0/EF21DcEacc0+1b+/F121DaFF/cEc", NULL,
     "eu-central-1", "bedrock", 1605387234, "POST", "/a/b/../",
     "B=Z9&_a=%2F9~&a-=0%20&-=yZ&a%20=9%20Z", "Host.Example", NULL,
     "X-Amz-Meta-bYa", "  a   b  c ", "\012}{ ,,:,,ab \303\251",
     "AWS4-HMAC-SHA256 Credential=AKIAH1B312CHEADCB3AF/20201114/eu"
     "-central-1/bedrock/aws4_request, SignedHeaders=host;x-amz-da"
     "te;x-amz-meta-bya, Signature=083b5798e2c95c84ff63359f8c13655"
     "6682529582db71bade933cba79101a87b"},
    {"AKIA02BDEGC3C3CAC2A0", "E++110/F2F2b1cEDcEEDccb22/0DD+cc02+1a+DF",
     "cbFFD0+E0ca0cDD2F1DaFF1F=0F=a1FEE1EDF2b0a1=+c2===+/FaE0//EaF"
     "2//b2Fac21a/Da+=c01+",
     "eu-central-1", "bedrock-mantle", 1428436049, "POST", "/a b", NULL,
     "127.0.0.1:8443", NULL, NULL, NULL,
     "b\"  \"{ c\"{\012 }b, {,\012\303\251\303\251c: {ac",
     "AWS4-HMAC-SHA256 Credential=AKIA02BDEGC3C3CAC2A0/20150407/eu"
     "-central-1/bedrock-mantle/aws4_request, SignedHeaders=host;x"
     "-amz-date;x-amz-security-token, Signature=945b86ac8bbf38b88b"
     "60ffa10e55fe59d49fd096e3a6e2c587a1cb86d7fae741"},
};
