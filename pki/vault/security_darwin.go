//go:build darwin && cgo

package vault

/*
#cgo CFLAGS: -x objective-c -fobjc-arc -Wno-deprecated-declarations
#cgo LDFLAGS: -framework CoreFoundation -framework Foundation -framework Security
#import <Foundation/Foundation.h>
#import <Security/Security.h>

// Rules of this file. Objects are ARC's to release; what a Create or Copy function returns, or leaves in an error,
// is handed to it by CFBridgingRelease, what a Get function or a collection returns is not. No literal may hold a
// nil: the exception could not be caught. Every dictionary says kSecUseDataProtectionKeychain=NO: without it macOS
// searches both kinds of keychain, and deletes in both (SecItem.cpp, SecItemCategorizeQuery); the file-based one
// never synchronises.

typedef struct { int status; void *data; size_t size; char *why; } hs_answer;
typedef hs_answer (*hs_question)(NSString *name, NSData *a, NSData *b);

// Every question (not static, because Go takes its address) comes this way: a thread of Go's has no pool, so here is
// one, and what goes out of it to Go is malloc'ed.
static hs_answer hs_ask(hs_question ask, const char *name, const void *a, size_t na, const void *b, size_t nb) {
  @autoreleasepool {
    return ask(@(name) ?: @"", [NSData dataWithBytes:a length:na], [NSData dataWithBytes:b length:nb]);
  }
}

static hs_answer hs_out(OSStatus s, NSData *d) {
  hs_answer out = {s, malloc(d.length), d.length, NULL};
  [d getBytes:out.data length:d.length];
  return out;
}

// Takes the error over. One of another domain than OSStatus has a code that means something else there.
static hs_answer hs_failed(CFErrorRef error) {
  NSError *e = CFBridgingRelease(error);
  BOOL known = [e.domain isEqualToString:NSOSStatusErrorDomain] && e.code != errSecSuccess;
  char *why = strdup(e.localizedDescription.UTF8String ?: "");
  return (hs_answer){known ? (int)e.code : errSecInternalError, NULL, 0, why};
}

static NSMutableDictionary *hs_query(CFTypeRef class, CFTypeRef key, id value) {
  NSDictionary *q = @{
    (id)kSecUseDataProtectionKeychain : @NO, (id)kSecClass : (__bridge id)class, (__bridge id)key : value,
  };
  return [q mutableCopy];
}

static OSStatus hs_search(NSMutableDictionary *q, CFTypeRef limit, CFTypeRef what, id *found) {
  CFTypeRef result = NULL;
  q[(id)kSecMatchLimit] = (__bridge id)limit;
  q[(__bridge id)what] = @YES;
  OSStatus s = SecItemCopyMatching((__bridge CFDictionaryRef)q, &result);
  *found = CFBridgingRelease(result);
  return s;
}

// A permanent P-256 key that cannot be exported; gives its X9.63 point.
hs_answer hs_key_create(NSString *label, NSData *a, NSData *b) {
  CFErrorRef e = NULL;
  NSDictionary *d = @{
    (id)kSecUseDataProtectionKeychain : @NO,
    (id)kSecAttrKeyType : (id)kSecAttrKeyTypeECSECPrimeRandom, (id)kSecAttrKeySizeInBits : @256,
    (id)kSecAttrLabel : label,
    (id)kSecAttrIsPermanent : @YES,  // both halves
    (id)kSecAttrIsExtractable : @NO, // read at the top level only (SecKey.cpp)
  };
  id key = CFBridgingRelease(SecKeyCreateRandomKey((__bridge CFDictionaryRef)d, &e));
  if (!key) return hs_failed(e);
  id half = CFBridgingRelease(SecKeyCopyPublicKey((__bridge SecKeyRef)key));
  NSData *point = half ? CFBridgingRelease(SecKeyCopyExternalRepresentation((__bridge SecKeyRef)half, &e)) : nil;
  return point ? hs_out(errSecSuccess, point) : hs_failed(e);
}

// A key is known by its application label, the SHA-1 of its point.
static NSMutableDictionary *hs_key(NSData *hash, CFTypeRef half) {
  NSMutableDictionary *q = hs_query(kSecClassKey, kSecAttrApplicationLabel, hash);
  q[(id)kSecAttrKeyClass] = (__bridge id)half;
  return q;
}

// Without a digest it only looks whether the key is there.
hs_answer hs_key_sign(NSString *name, NSData *hash, NSData *digest) {
  id key = nil;
  OSStatus s = hs_search(hs_key(hash, kSecAttrKeyClassPrivate), kSecMatchLimitOne, kSecReturnRef, &key);
  if (s || !digest.length) return hs_out(s, nil);
  CFErrorRef e = NULL;
  NSData *signature = CFBridgingRelease(SecKeyCreateSignature((__bridge SecKeyRef)key,
      kSecKeyAlgorithmECDSASignatureDigestX962, (__bridge CFDataRef)digest, &e));
  return signature ? hs_out(errSecSuccess, signature) : hs_failed(e);
}

// SecItemDelete removes one match a call from a file-based keychain, so it is repeated until nothing is left; the
// bound is against a keychain that lies.
static OSStatus hs_delete(NSDictionary *q) {
  OSStatus s = errSecSuccess;
  for (int i = 0; i < 16 && s == errSecSuccess; i++) s = SecItemDelete((__bridge CFDictionaryRef)q);
  return s == errSecItemNotFound ? errSecSuccess : s;
}

hs_answer hs_key_delete(NSString *name, NSData *hash, NSData *b) {
  OSStatus s = hs_delete(hs_key(hash, kSecAttrKeyClassPrivate));
  OSStatus other = hs_delete(hs_key(hash, kSecAttrKeyClassPublic));
  return hs_out(s ?: other, nil);
}

// The application labels one after the other, 20 bytes each; legacy keys may have text there.
hs_answer hs_key_list(NSString *label, NSData *a, NSData *b) {
  NSMutableDictionary *q = hs_query(kSecClassKey, kSecAttrLabel, label);
  q[(id)kSecAttrKeyClass] = (id)kSecAttrKeyClassPrivate;
  NSArray<NSDictionary *> *found = nil;
  OSStatus s = hs_search(q, kSecMatchLimitAll, kSecReturnAttributes, &found);
  NSMutableData *all = [NSMutableData data];
  for (NSDictionary *key in found) {
    NSData *hash = key[(id)kSecAttrApplicationLabel];
    if ([hash isKindOfClass:NSData.class] && hash.length == 20) [all appendData:hash];
  }
  return hs_out(s, all);
}

hs_answer hs_cert_add(NSString *name, NSData *der, NSData *b) {
  id c = CFBridgingRelease(SecCertificateCreateWithData(NULL, (__bridge CFDataRef)der));
  if (!c) return hs_out(errSecDecode, nil);
  return hs_out(SecItemAdd((__bridge CFDictionaryRef)hs_query(kSecClassCertificate, kSecValueRef, c), NULL), nil);
}

// The certificates of a common name, which is their label in a file-based keychain, one after the other; one that
// is to be gone is deleted instead, by reference through kSecMatchItemList, as on macOS (SecItem.h).
hs_answer hs_cert_list(NSString *cn, NSData *gone, NSData *b) {
  NSArray *found = nil;
  OSStatus s = hs_search(hs_query(kSecClassCertificate, kSecAttrLabel, cn), kSecMatchLimitAll, kSecReturnRef, &found);
  NSMutableData *all = [NSMutableData data];
  for (id c in found) {
    NSData *der = CFBridgingRelease(SecCertificateCopyData((__bridge SecCertificateRef)c));
    if ([der isEqualToData:gone]) {
      NSDictionary *one = hs_query(kSecClassCertificate, kSecMatchItemList, @[ c ]);
      return hs_out(SecItemDelete((__bridge CFDictionaryRef)one), nil);
    }
    [all appendData:der];
  }
  return hs_out(gone.length && !s ? errSecItemNotFound : s, all);
}

static char *hs_message(OSStatus s) {
  @autoreleasepool { return strdup([CFBridgingRelease(SecCopyErrorMessageString(s, NULL)) UTF8String] ?: ""); }
}
*/
import "C"

import "unsafe"

func ask(question unsafe.Pointer, name string, a, b []byte) ([]byte, osStatus, string) {
	n := C.CString(name)
	out := C.hs_ask(C.hs_question(question), n,
		unsafe.Pointer(unsafe.SliceData(a)), C.size_t(len(a)), unsafe.Pointer(unsafe.SliceData(b)), C.size_t(len(b)))
	defer C.free(unsafe.Pointer(n))
	defer C.free(out.data)
	defer C.free(unsafe.Pointer(out.why))
	return C.GoBytes(out.data, C.int(out.size)), osStatus(out.status), C.GoString(out.why)
}

// state is the default keychain's. Deprecated since 10.10 with file-based
// keychains as a whole; nothing else tells whether one is locked.
func (security) state() (locked bool, s osStatus) {
	var bits C.SecKeychainStatus
	s = osStatus(C.SecKeychainGetStatus(0, &bits))
	return s == errSecSuccess && bits&C.kSecUnlockStateStatus == 0, s
}

func (security) message(s osStatus) string {
	text := C.hs_message(C.OSStatus(s))
	defer C.free(unsafe.Pointer(text))
	return C.GoString(text)
}

func (security) createKey(label string) ([]byte, osStatus, string) {
	return ask(C.hs_key_create, label, nil, nil)
}

func (security) sign(id keyID, digest []byte) ([]byte, osStatus, string) {
	return ask(C.hs_key_sign, "", id[:], digest)
}

func (security) findKey(id keyID) osStatus   { return statusOf(ask(C.hs_key_sign, "", id[:], nil)) }
func (security) deleteKey(id keyID) osStatus { return statusOf(ask(C.hs_key_delete, "", id[:], nil)) }
func (security) addCertificate(der []byte) osStatus {
	return statusOf(ask(C.hs_cert_add, "", der, nil))
}

func (security) keys(label string) ([]keyID, osStatus) {
	return keyIDsOf(ask(C.hs_key_list, label, nil, nil))
}

func (security) certificates(cn string) ([][]byte, osStatus) {
	return certificatesOf(ask(C.hs_cert_list, cn, nil, nil))
}

func (security) deleteCertificate(cn string, der []byte) osStatus {
	return statusOf(ask(C.hs_cert_list, cn, der, nil))
}
